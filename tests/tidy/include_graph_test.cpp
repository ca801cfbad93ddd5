// SPDX-License-Identifier: MIT
//
// Reads every #include below engine/, ui/, app/ and resources/ and holds it against
// include_graph.txt.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "tidy/source_tree.h"

namespace starglass::tidy {
namespace {

using Graph = std::map<std::string, std::set<std::string>>;

constexpr const char* kTable = "tests/tidy/include_graph.txt";

Graph read_table() {
    Graph graph;
    for (const std::string& line : read_source(kTable).lines) {
        if (line.empty() || line[0] == '#') continue;
        const auto colon = line.find(':');
        if (colon == std::string::npos) throw std::runtime_error("no colon in: " + line);
        auto& allowed = graph[line.substr(0, colon)];
        std::istringstream words(line.substr(colon + 1));
        for (std::string word; words >> word;) allowed.insert(word);
    }
    return graph;
}

// "engine/text/bpe.h" -> "engine/text"; "engine/include/engine/chat.h" -> "engine/include"; shaders
// have no folders within.
std::string folder_of(const std::string& path) {
    const auto first = path.find('/');
    if (path.starts_with("shaders/")) return path.substr(0, first);
    return path.substr(0, path.find('/', first + 1));
}

// Where a quoted include of `file` leads, tried in the compiler's order.
std::optional<std::string> resolve(const SourceFile& file, const std::string& include) {
    const std::string own = file.path.substr(0, file.path.rfind('/') + 1);
    for (const std::string& root :
         {own, std::string("engine/"), std::string("engine/include/"), std::string("ui/"),
          std::string("app/"), std::string("resources/"), std::string("shaders/")})
        if (exists(root + include)) return root + include;
    return std::nullopt;
}

std::vector<SourceFile> sources() {
    std::vector<SourceFile> files;
    for (const char* folder : {"engine", "ui", "app", "resources/builtin"})
        for (SourceFile& file : read_sources(folder, {".h", ".cpp"}))
            files.push_back(std::move(file));
    return files;
}

TEST(IncludeGraph, LinesRunDownward) {
    const Graph graph = read_table();
    const std::set<std::string>& external = graph.at("external");
    const std::regex quoted(R"(^\s*#\s*include\s*\"([^\"]+)\")");
    int includes = 0;
    for (const SourceFile& file : sources()) {
        const std::string from = folder_of(file.path);
        const auto allowed = graph.find(from);
        if (allowed == graph.end()) {
            ADD_FAILURE() << file.path << ": folder '" << from << "' is not in " << kTable;
            continue;
        }
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            std::smatch match;
            if (!std::regex_search(file.lines[i], match, quoted)) continue;
            const std::string include = match[1];
            if (external.contains(include.substr(0, include.find('/')))) continue;
            if (include.ends_with(".moc")) continue;  // made by Qt's moc from the file itself
            ++includes;
            const auto target = resolve(file, include);
            if (!target) {
                ADD_FAILURE() << file.path << ":" << i + 1 << ": \"" << include
                              << "\" is no file of this project; use <> for others";
                continue;
            }
            const std::string to = folder_of(*target);
            EXPECT_TRUE(to == from || allowed->second.contains(to))
                << file.path << ":" << i + 1 << ": " << from << " must not include " << to << " ("
                << include << "); see ARCHITECTURE.md and " << kTable;
        }
    }
    EXPECT_GT(includes, 20) << "the pattern no longer finds includes";
}

TEST(IncludeGraph, TableHasNoCircle) {
    const Graph graph = read_table();
    std::set<std::string> done;
    std::set<std::string> open;
    const std::function<void(const std::string&)> visit = [&](const std::string& folder) {
        if (done.contains(folder)) return;
        ASSERT_TRUE(open.insert(folder).second) << "circle through " << folder;
        if (const auto at = graph.find(folder); at != graph.end())
            for (const std::string& next : at->second) visit(next);
        open.erase(folder);
        done.insert(folder);
    };
    for (const auto& [folder, allowed] : graph)
        if (folder != "external") visit(folder);
}

// Below the facade nobody has heard of Qt, and neither has the command line.
TEST(IncludeGraph, OnlyTheDesktopKnowsQt) {
    const std::regex qt(R"(^\s*#\s*include\s*[<\"](Q[A-Z]|Qt)|\bQ_OBJECT\b)");
    for (const SourceFile& file : sources()) {
        if (!file.in("engine") && !file.in("app/cli")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i)
            EXPECT_FALSE(std::regex_search(file.lines[i], qt))
                << file.path << ":" << i + 1 << ": " << file.lines[i];
    }
}

}  // namespace
}  // namespace starglass::tidy
