// SPDX-License-Identifier: MIT
#include "base/memory_info.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace starglass {
namespace {

// Files of /proc have no size that could be asked for; none of these has more than a few KiB.
Result<std::string> read_text(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(ErrorCode::io, "cannot open '{}': {}", path, std::strerror(errno));
    std::string text;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while ((got = ::read(descriptor, block.data(), block.size())) != 0) {
        if (got > 0) {
            text.append(block.data(), static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            const int reason = errno;
            ::close(descriptor);
            return fail(ErrorCode::io, "cannot read '{}': {}", path, std::strerror(reason));
        }
    }
    ::close(descriptor);
    return text;
}

std::vector<std::string_view> lines(std::string_view text) {
    std::vector<std::string_view> all;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        all.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

// The number text begins with after blanks; none when it does not, or is below zero or too large.
std::optional<std::int64_t> number(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value < 0) return std::nullopt;
    return value;
}

// "name value" on a line of its own.
std::optional<std::int64_t> field(std::string_view text, std::string_view name) {
    for (const std::string_view line : lines(text))
        if (line.starts_with(name)) return number(line.substr(name.size()));
    return std::nullopt;
}

// "Name:   123 kB", as /proc writes it.
Result<std::int64_t> kib_field(const std::string& path, std::string_view text,
                               std::string_view name) {
    const auto value = field(text, name);
    if (!value || *value > INT64_MAX / 1024)
        return fail(ErrorCode::unsupported,
                    "'{}' does not say {} as Linux does; give the memory to use yourself", path,
                    name.substr(0, name.size() - 1));
    return *value * 1024;
}

std::optional<std::int64_t> number_in(const std::string& path) {
    const auto text = read_text(path);
    if (!text) return std::nullopt;
    return number(*text);  // "max" is none
}

// The names version 1 and 2 have for the same things.
struct GroupFiles {
    std::string_view limit, high, used, inactive;
};
constexpr GroupFiles kVersion1{.limit = "memory.limit_in_bytes",
                               .high = "",
                               .used = "memory.usage_in_bytes",
                               .inactive = "total_inactive_file "};
constexpr GroupFiles kVersion2{.limit = "memory.max",
                               .high = "memory.high",
                               .used = "memory.current",
                               .inactive = "inactive_file "};

// Lowers `memory` to what one group allows.
void apply_group(const std::string& folder, const GroupFiles& files, AvailableMemory& memory) {
    auto limit = number_in(fmt::format("{}/{}", folder, files.limit));
    // Above this one a group is slowed down until it is of no use.
    if (!files.high.empty())
        if (const auto high = number_in(fmt::format("{}/{}", folder, files.high)))
            limit = std::min(limit.value_or(*high), *high);
    if (!limit) return;
    const std::int64_t used = number_in(fmt::format("{}/{}", folder, files.used)).value_or(0);
    // Pages of files that nobody has touched lately count as used and go when there is need.
    std::int64_t spare = 0;
    if (const auto stat = read_text(folder + "/memory.stat"))
        spare = field(*stat, files.inactive).value_or(0);
    memory.total = std::min(memory.total, *limit);
    const std::int64_t left = *limit - std::max<std::int64_t>(used - spare, 0);
    if (left < memory.bytes) {
        memory.bytes = std::max<std::int64_t>(left, 0);
        memory.limited = true;
    }
}

// The group named and all above it. A container may see its own group as the root of what is
// mounted while its name is the one outside; the levels that are not there say nothing.
void apply_groups(const std::string& root, std::string_view name, const GroupFiles& files,
                  AvailableMemory& memory) {
    if (name.find("/..") != std::string_view::npos) name = "";  // outside of what is mounted
    for (;;) {
        while (name.ends_with('/')) name.remove_suffix(1);
        apply_group(root + std::string(name), files, memory);
        if (name.empty()) return;
        name = name.substr(0, name.rfind('/'));
    }
}

bool has_controller(std::string_view controllers, std::string_view wanted) {
    while (!controllers.empty()) {
        const std::size_t end = std::min(controllers.find(','), controllers.size());
        if (controllers.substr(0, end) == wanted) return true;
        controllers.remove_prefix(std::min(end + 1, controllers.size()));
    }
    return false;
}

}  // namespace

Result<AvailableMemory> available_memory(const SystemFolders& folders) {
    const std::string path = folders.proc + "/meminfo";
    TRY(const std::string text, read_text(path));
    AvailableMemory memory;
    TRY(memory.bytes, kib_field(path, text, "MemAvailable:"));
    TRY(memory.total, kib_field(path, text, "MemTotal:"));
    const auto groups = read_text(folders.proc + "/self/cgroup");
    if (!groups) return memory;                           // a kernel without them
    for (const std::string_view line : lines(*groups)) {  // "4:memory:/name" or "0::/name"
        const std::size_t first = line.find(':');
        if (first == std::string_view::npos) continue;
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        const std::string_view name = line.substr(second + 1);
        if (controllers.empty()) {
            apply_groups(folders.cgroup, name, kVersion2, memory);
            apply_groups(folders.cgroup + "/unified", name, kVersion2, memory);
        } else if (has_controller(controllers, "memory")) {
            apply_groups(folders.cgroup + "/memory", name, kVersion1, memory);
        }
    }
    return memory;
}

Result<ResidentMemory> resident_memory(const SystemFolders& folders) {
    const std::string path = folders.proc + "/self/status";
    TRY(const std::string text, read_text(path));
    ResidentMemory memory;
    TRY(memory.peak, kib_field(path, text, "VmHWM:"));
    TRY(memory.anonymous, kib_field(path, text, "RssAnon:"));
    TRY(memory.file, kib_field(path, text, "RssFile:"));
    TRY(memory.shared, kib_field(path, text, "RssShmem:"));
    memory.bytes = memory.anonymous + memory.file + memory.shared;
    memory.peak = std::max(memory.peak, memory.bytes);
    return memory;
}

}  // namespace starglass
