// SPDX-License-Identifier: MIT
//
// Every op, on one page. A backend runs them in the order they are given; results are complete
// when a call returns. Shapes and types were checked when the model was loaded, so ops cannot
// fail. Host memory throughout; one thread calls at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "kernel/attention.h"
#include "kernel/compressor.h"
#include "kernel/embed.h"
#include "kernel/experts.h"
#include "kernel/hyper_connection.h"
#include "kernel/index_select.h"
#include "kernel/mat_mul.h"
#include "kernel/rms_norm.h"
#include "kernel/rope.h"
#include "kernel/router.h"
#include "kernel/rows.h"

namespace starglass {

// int8: activations are quantised before they meet a quantised weight, as the reference engine
// does. f32: exactly dequantised weights, f32 activations.
enum class Activations { int8, f32 };

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual int threads() const = 0;
    // Two backends with the same number give the same bits for the same input: the kind, and for
    // SIMD the instruction set. Below 2^16, not 0.
    [[nodiscard]] virtual std::uint32_t arithmetic() const = 0;

    [[nodiscard]] virtual bool host_memory() const { return true; }
    virtual Result<void*> allocate(std::size_t) { return nullptr; }
    virtual void release(void*) noexcept {}
    virtual void write(void*, const void*, std::size_t) {}
    [[nodiscard]] virtual Status read(void*, const void*, std::size_t) { return {}; }
    virtual void copy(void*, const void*, std::size_t) {}
    [[nodiscard]] virtual Status finish() { return {}; }

    virtual void run(const Embed&) = 0;
    virtual void run(const RmsNorm&) = 0;
    virtual void run(const MatMul&) = 0;
    virtual void run(const HyperPre&) = 0;
    virtual void run(const HyperPost&) = 0;
    virtual void run(const HyperHead&) = 0;
    virtual void run(const Rope&) = 0;
    virtual void run(const Compress&) = 0;
    virtual void run(const EncodeRows&) = 0;
    virtual void run(const IndexQuery&) = 0;
    virtual void run(const IndexSelect&) = 0;
    virtual void run(const Attention&) = 0;
    virtual void run(const Router&) = 0;
    virtual void run(const RoutedExperts&) = 0;
    virtual void run(const SharedExpert&) = 0;
    virtual void run(const Add&) = 0;
};

}  // namespace starglass
