// SPDX-License-Identifier: MIT
//
// Reads uncompressed .npz archives of numpy arrays: enough for the golden data, strict about
// everything else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace starglass::test {

struct NpyArray {
    std::string type;  // numpy descr: "<f4", "<f2", "<i4", "|u1", "|b1"
    std::vector<std::int64_t> shape;
    std::vector<double> values;

    [[nodiscard]] std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
    [[nodiscard]] std::int64_t row_size() const;
    // Row `index` as floats.
    [[nodiscard]] std::vector<float> row(std::int64_t index) const;
    [[nodiscard]] std::vector<std::int32_t> ints() const;
};

class Npz {
public:
    // Throws std::runtime_error with the file and reason: a broken golden file fails the test.
    explicit Npz(const std::string& path);
    [[nodiscard]] bool has(const std::string& name) const { return entries_.count(name) != 0; }
    [[nodiscard]] const NpyArray& at(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::string path_;
    std::string bytes_;
    std::map<std::string, std::pair<std::size_t, std::size_t>> entries_;  // offset, size
    mutable std::map<std::string, NpyArray> cache_;
};

}  // namespace starglass::test
