// SPDX-License-Identifier: MIT
//
//   kernel_bench [--device NAME] [--benchmark_...]
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "vulkan_bench.h"

int main(int argc, char** argv) {
    std::string device;
    std::vector<char*> rest;
    for (int i = 0; i < argc; ++i) {
        if (std::strcmp(argv[i], "--device") == 0 && i + 1 < argc) {
            device = argv[++i];
            continue;
        }
        rest.push_back(argv[i]);
    }
    int count = static_cast<int>(rest.size());
    rest.push_back(nullptr);
    starglass::bench::register_vulkan(device);
    benchmark::Initialize(&count, rest.data());
    if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    starglass::bench::close_vulkan();
    return 0;
}
