// SPDX-License-Identifier: MIT
//
// The two readers behind make_async_reader, with the number that tests and benchmarks vary.
#pragma once

#include "base/async_reader.h"

namespace starglass {

inline constexpr int kReaderDepth = 64;   // pieces in the ring at a time
inline constexpr int kReaderThreads = 4;  // pieces read at a time

// 1 <= depth <= 4096. Errors: unsupported.
Result<std::unique_ptr<AsyncReader>> make_uring_reader(int depth);
// threads >= 1. Errors: out_of_memory (the system gives no more threads).
Result<std::unique_ptr<AsyncReader>> make_thread_reader(int threads);

}  // namespace starglass
