// SPDX-License-Identifier: MIT
#include "support/npz.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/f16.h"

namespace starglass::test {
namespace {

template <class T>
T load(const std::string& bytes, std::size_t at) {
    if (at + sizeof(T) > bytes.size()) throw std::runtime_error("npz: truncated");
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}

template <class T>
void widen(const std::string& bytes, std::size_t at, std::vector<double>& out) {
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<double>(load<T>(bytes, at + i * sizeof(T)));
}

NpyArray parse(const std::string& bytes, std::size_t at, std::size_t size) {
    if (bytes.compare(at, 6, "\x93NUMPY") != 0) throw std::runtime_error("npz: not an array");
    const bool wide = bytes[at + 6] != 1;
    const std::size_t length =
        wide ? load<std::uint32_t>(bytes, at + 8) : load<std::uint16_t>(bytes, at + 8);
    const std::size_t header_at = at + (wide ? 12 : 10);
    const std::string header = bytes.substr(header_at, length);
    const auto field = [&](const std::string& name) {
        const std::size_t key = header.find("'" + name + "':");
        if (key == std::string::npos) throw std::runtime_error("npz: no " + name);
        return key + name.size() + 3;
    };
    NpyArray array;
    const std::size_t quote = header.find('\'', field("descr"));
    array.type = header.substr(quote + 1, header.find('\'', quote + 1) - quote - 1);
    if (header.find("True", field("fortran_order")) < header.find(',', field("fortran_order")))
        throw std::runtime_error("npz: fortran order");
    const std::size_t open = header.find('(', field("shape"));
    const std::string dims = header.substr(open + 1, header.find(')', open) - open - 1);
    std::size_t count = 1;
    for (std::size_t i = 0; i < dims.size();) {
        if (dims[i] < '0' || dims[i] > '9') {
            ++i;
            continue;
        }
        std::size_t used = 0;
        array.shape.push_back(std::stoll(dims.substr(i), &used));
        count *= static_cast<std::size_t>(array.shape.back());
        i += used;
    }
    const std::size_t data = header_at + length;
    array.values.resize(count);
    const std::string& type = array.type;
    if (type == "<f4") {
        widen<float>(bytes, data, array.values);
    } else if (type == "<f8") {
        widen<double>(bytes, data, array.values);
    } else if (type == "<i4") {
        widen<std::int32_t>(bytes, data, array.values);
    } else if (type == "<i8") {
        widen<std::int64_t>(bytes, data, array.values);
    } else if (type == "|u1" || type == "|b1") {
        widen<std::uint8_t>(bytes, data, array.values);
    } else if (type == "<f2") {
        for (std::size_t i = 0; i < count; ++i)
            array.values[i] = f16_to_f32(load<std::uint16_t>(bytes, data + 2 * i));
    } else {
        throw std::runtime_error("npz: type " + type);
    }
    if (data > at + size) throw std::runtime_error("npz: header past the end");
    return array;
}

}  // namespace

std::int64_t NpyArray::row_size() const {
    return rows() == 0 ? 0 : static_cast<std::int64_t>(values.size()) / rows();
}

std::vector<float> NpyArray::row(std::int64_t index) const {
    const auto first = values.begin() + index * row_size();
    return {first, first + row_size()};
}

std::vector<std::int32_t> NpyArray::ints() const {
    return {values.begin(), values.end()};
}

Npz::Npz(const std::string& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open " + path);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    // End of central directory: the last 22 bytes when there is no comment.
    if (bytes_.size() < 22) throw std::runtime_error(path + ": too short");
    const std::size_t end = bytes_.rfind(std::string("PK\x05\x06", 4));
    if (end == std::string::npos) throw std::runtime_error(path + ": no zip directory");
    std::size_t at = load<std::uint32_t>(bytes_, end + 16);
    const int count = load<std::uint16_t>(bytes_, end + 10);
    for (int i = 0; i < count; ++i) {
        if (load<std::uint16_t>(bytes_, at + 10) != 0)
            throw std::runtime_error(path + ": compressed entries are not supported");
        const std::size_t size = load<std::uint32_t>(bytes_, at + 24);
        const std::size_t name_length = load<std::uint16_t>(bytes_, at + 28);
        const std::size_t local = load<std::uint32_t>(bytes_, at + 42);
        std::string name = bytes_.substr(at + 46, name_length);
        if (name.ends_with(".npy")) name.resize(name.size() - 4);
        const std::size_t data = local + 30 + load<std::uint16_t>(bytes_, local + 26) +
                                 load<std::uint16_t>(bytes_, local + 28);
        entries_[name] = {data, size};
        at += 46 + name_length + load<std::uint16_t>(bytes_, at + 30) +
              load<std::uint16_t>(bytes_, at + 32);
    }
}

const NpyArray& Npz::at(const std::string& name) const {
    const auto cached = cache_.find(name);
    if (cached != cache_.end()) return cached->second;
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) throw std::runtime_error(path_ + ": no array " + name);
    return cache_[name] = parse(bytes_, entry->second.first, entry->second.second);
}

std::vector<std::string> Npz::names() const {
    std::vector<std::string> result;
    for (const auto& entry : entries_) result.push_back(entry.first);
    return result;
}

}  // namespace starglass::test
