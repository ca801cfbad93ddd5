// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

#include <algorithm>

namespace starglass {

gpu::Range VulkanContext::table_bytes(std::span<const std::byte> bytes) {
    constexpr std::size_t kTableBytes = 512;
    constexpr std::size_t kTables = 1024;  // a few a layer
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (bytes.size() > kTableBytes) return {stream.stage(bytes.data(), size), size};
    const std::string content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (tables_.size() == kTables && !tables_.contains(content)) {
        const auto oldest = std::ranges::min_element(
            tables_, {}, [](const auto& entry) { return entry.second.used; });
        auto node = tables_.extract(oldest);
        node.key() = content;
        node.mapped().failures = -1;
        tables_.insert(std::move(node));
    }
    Table& table = tables_[content];
    if (table.buffer.address == 0) {
        auto room = device.allocate(kTableBytes);
        if (!room) {
            tables_.erase(content);
            stream.fail_with(room.error());
            return {};
        }
        table.buffer = *room;
    }
    table.used = ++table_uses_;
    if (table.failures != stream.failures() && !stream.error()) {
        table.failures = stream.failures();
        stream.write(table.buffer.address, bytes.data(), size);
    }
    return {table.buffer.address, size};
}

}  // namespace starglass
