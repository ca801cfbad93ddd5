// SPDX-License-Identifier: MIT
#include "tidy/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace starglass::tidy {

namespace fs = std::filesystem;

namespace {
const fs::path kRoot = SG_SOURCE_DIR;
}

SourceFile read_source(const std::string& path) {
    std::ifstream stream(kRoot / path);
    if (!stream) throw std::runtime_error("cannot read " + path);
    SourceFile file{path, {}};
    for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
    return file;
}

std::vector<SourceFile> read_sources(const std::string& folder,
                                     const std::vector<std::string>& endings) {
    std::vector<SourceFile> files;
    if (!fs::is_directory(kRoot / folder)) return files;
    for (auto at = fs::recursive_directory_iterator(kRoot / folder);
         at != fs::recursive_directory_iterator(); ++at) {
        const std::string name = at->path().filename().string();
        if (at->is_directory() && (name == "__pycache__" || name == "run" || name == "build")) {
            at.disable_recursion_pending();
            continue;
        }
        const bool wanted =
            std::any_of(endings.begin(), endings.end(),
                        [&](const std::string& ending) { return name.ends_with(ending); });
        if (at->is_regular_file() && wanted)
            files.push_back(read_source(at->path().lexically_relative(kRoot).generic_string()));
    }
    std::sort(files.begin(), files.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return files;
}

bool exists(const std::string& path) {
    return fs::is_regular_file(kRoot / path);
}

}  // namespace starglass::tidy
