// SPDX-License-Identifier: MIT
#include "machine_info.h"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>

#ifndef _WIN32
#include <sys/utsname.h>
#include <unistd.h>
#endif

namespace starglass::cli {
namespace {

// The value of "key : value" in one of /proc's files.
std::string proc_value(const char* path, std::string_view key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string::npos ? std::string() : line.substr(value);
    }
    return {};
}

// /proc writes sizes as "1234 kB".
std::uint64_t proc_bytes(const char* path, std::string_view key) {
    return std::strtoull(proc_value(path, key).c_str(), nullptr, 10) * 1024;
}

}  // namespace

MachineInfo machine_info() {
    MachineInfo info;
    info.cpu = proc_value("/proc/cpuinfo", "model name");
    info.logical_cores = static_cast<int>(std::thread::hardware_concurrency());
    info.memory_bytes = proc_bytes("/proc/meminfo", "MemTotal:");
#ifndef _WIN32
    utsname name{};
    if (uname(&name) == 0) {
        info.system = std::string(name.sysname) + " " + name.release;
        if (info.cpu.empty()) info.cpu = name.machine;
    }
#endif
    return info;
}

double load_average() {
#ifndef _WIN32
    double load = -1;
    if (getloadavg(&load, 1) == 1) return load;
#endif
    return -1;
}

ProcessMemory process_memory() {
    constexpr const char* kStatus = "/proc/self/status";
    return {proc_bytes(kStatus, "VmRSS:"), proc_bytes(kStatus, "RssAnon:"),
            proc_bytes(kStatus, "VmHWM:")};
}

void reset_peak_memory() {
    std::ofstream("/proc/self/clear_refs") << "5";  // proc(5)
}

std::string utc_time() {
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    return text;
}

}  // namespace starglass::cli
