// SPDX-License-Identifier: MIT
//
// An array in a backend's memory. Grows to the largest count asked for and is reused; growing
// keeps no content. Belongs to whoever gives the ops; the backend outlives it.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernel/backend.h"

namespace starglass {

template <class T>
class BackendArray {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit BackendArray(Backend& backend) : backend_(&backend) {}
    ~BackendArray() { free(); }
    BackendArray(BackendArray&& other) noexcept
        : backend_(other.backend_),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    BackendArray& operator=(BackendArray&& other) noexcept {
        if (this == &other) return *this;
        free();
        backend_ = other.backend_;
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    BackendArray(const BackendArray&) = delete;
    BackendArray& operator=(const BackendArray&) = delete;

    // Room for `count` values. Errors: out_of_memory; the array is then empty.
    [[nodiscard]] Status reserve(std::int64_t count) {
        if (count <= size_) return {};
        free();
        TRY(void* const memory, backend_->allocate(static_cast<std::size_t>(count) * sizeof(T)));
        data_ = static_cast<T*>(memory);
        size_ = count;
        return {};
    }
    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] std::int64_t size() const { return size_; }  // values there is room for
    [[nodiscard]] std::int64_t bytes() const {
        return size_ * static_cast<std::int64_t>(sizeof(T));
    }

private:
    void free() {
        if (data_ != nullptr) backend_->release(data_);
        data_ = nullptr;
        size_ = 0;
    }

    Backend* backend_;
    T* data_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace starglass
