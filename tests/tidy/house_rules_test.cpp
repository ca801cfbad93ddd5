// SPDX-License-Identifier: MIT
//
// Small rules a reviewer should not have to repeat.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "tidy/source_tree.h"

namespace starglass::tidy {
namespace {

// A file longer than this is usually two ideas (design: "a file is an idea").
constexpr std::size_t kLinesMax = 900;

std::vector<SourceFile> all_sources() {
    const std::vector<std::string> endings{".h",    ".cpp", ".py",    ".comp",
                                           ".glsl", ".sh",  ".cmake", "CMakeLists.txt"};
    std::vector<SourceFile> files{read_source("CMakeLists.txt"), read_source("dev"),
                                  read_source(".ci/run")};
    for (const char* folder :
         {"engine", "shaders", "ui", "app", "resources", "tests", "bench", "packaging", "cmake"})
        for (SourceFile& file : read_sources(folder, endings)) files.push_back(std::move(file));
    return files;
}

// Qt Charts is GPL, and with it everything that links it; the rest may be used more freely.
std::string licence_of(const SourceFile& file) {
    return file.in("ui") || file.in("app/desktop") ? "GPL-3.0-or-later" : "MIT";
}

TEST(HouseRules, EveryFileNamesItsLicenceFirst) {
    for (const SourceFile& file : all_sources()) {
        const bool script = !file.lines.empty() && file.lines[0].starts_with("#!");
        const std::size_t at = script ? 1 : 0;
        const bool slashes =
            file.is_cpp() || file.path.ends_with(".comp") || file.path.ends_with(".glsl");
        const std::string mark = slashes ? "// " : "# ";
        const std::string expected = mark + "SPDX-License-Identifier: " + licence_of(file);
        EXPECT_TRUE(file.lines.size() > at && file.lines[at] == expected)
            << file.path << ":" << at + 1 << ": expected '" << expected << "'";
    }
}

TEST(HouseRules, TheEngineReadsNoEnvironment) {
    for (const SourceFile& file : read_sources("engine", {".h", ".cpp"}))
        for (std::size_t i = 0; i < file.lines.size(); ++i)
            EXPECT_EQ(file.lines[i].find("getenv"), std::string::npos)
                << file.path << ":" << i + 1 << ": settings come through EngineOptions";
}

TEST(HouseRules, NoFileIsAHeap) {
    for (const char* folder : {"engine", "ui", "app", "shaders"})
        for (const SourceFile& file : read_sources(folder, {".h", ".cpp", ".comp", ".glsl"}))
            EXPECT_LE(file.lines.size(), kLinesMax)
                << file.path << ": name the idea that wants to leave and give it a file";
}

TEST(HouseRules, HeadersAreIncludedOnce) {
    for (const char* folder : {"engine", "ui", "app"})
        for (const SourceFile& file : read_sources(folder, {".h"})) {
            // Compiled once per instruction set, with a guard that toggles.
            if (file.path.ends_with("-inl.h")) continue;
            const bool once =
                std::find(file.lines.begin(), file.lines.end(), "#pragma once") != file.lines.end();
            EXPECT_TRUE(once) << file.path << ": #pragma once is missing";
        }
}

}  // namespace
}  // namespace starglass::tidy
