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
        oldest.mapped().kept.failures = -1;
        at = tables_.insert(std::move(oldest)).position;
    } else if (at == tables_.end()) {
        at = tables_.emplace(content, Table{}).first;
    }
    Table& table = at->second;
    table.used = ++table_uses_;
    const std::uint64_t address = keep(table.kept, kTableBytes, [&](std::uint64_t room) {
        stream.write(room, bytes.data(), size);
    });
    return address != 0 ? gpu::Range{address, size} : gpu::Range{};
}

}  // namespace starglass
