// SPDX-License-Identifier: MIT
//
// The project's own files, for tests that read them.
#pragma once

#include <string>
#include <vector>

namespace starglass::tidy {

struct SourceFile {
    std::string path;  // from the project's root, with '/'
    std::vector<std::string> lines;

    [[nodiscard]] bool in(const std::string& folder) const {
        return path.size() > folder.size() && path.starts_with(folder) &&
               path[folder.size()] == '/';
    }
    [[nodiscard]] bool is_cpp() const { return path.ends_with(".cpp") || path.ends_with(".h"); }
};

// Every file under `folder` with one of the endings (".h"; a whole name such as "CMakeLists.txt"
// is an ending too), sorted by path. Build output, caches and training runs are left out.
std::vector<SourceFile> read_sources(const std::string& folder,
                                     const std::vector<std::string>& endings);

SourceFile read_source(const std::string& path);

bool exists(const std::string& path);

}  // namespace starglass::tidy
