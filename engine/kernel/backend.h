// SPDX-License-Identifier: MIT
//
// Every op, and the memory ops work in, on one page. A backend runs ops, writes and copies in the
// order they are given, perhaps after the call has returned: read() and finish() wait, and report
// what went wrong. Shapes and types were checked when the model was loaded, so giving an op cannot
// fail. One thread calls at a time.
//
// Values live in backend memory: every weight, norm, sink, scale and hash table, every input and
// output, the rows and frontiers of a state. Where host_memory() is true any memory of the process
// will do. Elsewhere such a pointer is an address only the backend understands: whoever holds one
// may add to it, never look behind it.
//
// Small arguments are arrays on the host, read while the op is given and free when the call
// returns: Embed::tokens, Router::tokens, Rope::positions, EncodeRows::destination and
// RowPages::pages. The entries of the last two are addresses in backend memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
#include "kernel/top_logits.h"

namespace starglass {

// int8: activations are quantised before they meet a quantised weight, as the reference engine
// does. f32: exactly dequantised weights, f32 activations.
enum class Activations { int8, f32 };

// Bytes that come from backend memory to the host.
struct Reading {
    void* to_host;
    const void* from;
    std::size_t bytes;
};

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual int threads() const = 0;
    // Two backends with the same number give the same bits for the same input: the kind, and for
    // SIMD the instruction set. Below 2^16, not 0.
    [[nodiscard]] virtual std::uint32_t arithmetic() const = 0;

    // Whether values may lie anywhere in the process's memory; then nothing below waits, and the
    // base class does all of it.
    [[nodiscard]] virtual bool host_memory() const { return true; }
    // Memory for values, aligned for any of them, its content undefined. Errors: out_of_memory.
    [[nodiscard]] virtual Result<void*> allocate(std::size_t bytes);
    // Ops already given may still use it.
    virtual void release(void* memory) noexcept;
    // `from_host` may be reused when the call returns.
    virtual void write(void* to, const void* from_host, std::size_t bytes);
    virtual void copy(void* to, const void* from, std::size_t bytes);  // not overlapping
    // Waits for everything given so far. Errors: what went wrong since the last read or finish
    // (device lost, out_of_memory); then nothing written since is to be believed.
    [[nodiscard]] virtual Status read(void* to_host, const void* from, std::size_t bytes);
    // All of them with one wait; a finish() where there are none.
    [[nodiscard]] virtual Status read_all(std::span<const Reading> readings);
    [[nodiscard]] virtual Status finish();

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
    virtual void run(const TopLogits&) = 0;
};

}  // namespace starglass
