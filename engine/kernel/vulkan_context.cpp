// SPDX-License-Identifier: MIT
#include "kernel/vulkan_context.h"

#include <algorithm>

namespace starglass {

gpu::Range VulkanContext::table_bytes(std::span<const std::byte> bytes) {
    constexpr std::size_t kTableBytes = 512;
    constexpr std::size_t kTables = 1024;  // a few a layer
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (bytes.size() > kTableBytes) return {stream.stage(bytes.data(), size), size};
    const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    auto at = tables_.find(content);
    if (at == tables_.end() && tables_.size() == kTables) {
        auto oldest = tables_.extract(std::ranges::min_element(
            tables_, {}, [](const auto& entry) { return entry.second.used; }));
        oldest.key() = content;
        oldest.mapped().failures = -1;
        at = tables_.insert(std::move(oldest)).position;
    } else if (at == tables_.end()) {
        auto room = device.allocate(kTableBytes);
        if (!room) {
            stream.fail_with(room.error());
            return {};
        }
        at = tables_.emplace(content, Table{.buffer = *room}).first;
    }
    Table& table = at->second;
    table.used = ++table_uses_;
    if (table.failures != stream.failures() && !stream.error()) {
        table.failures = stream.failures();
        stream.write(table.buffer.address, bytes.data(), size);
    }
    return {table.buffer.address, size};
}

}  // namespace starglass
