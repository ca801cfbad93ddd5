// SPDX-License-Identifier: MIT
//
// The two readers behind make_async_reader, with the numbers that tests and benchmarks vary.
#pragma once

#include "base/async_reader.h"

namespace starglass {

// Pieces in the ring at a time. A layer's six experts of 7 MB are 42 pieces: all of them are with
// the kernel when submit() returns, and nobody has to feed the ring while the caller computes. 16
// read as fast and end more evenly (p99 50 instead of 100 ms on a virtual disk of 1.2 GB/s), but
// would be idle after 2 ms on a disk of 7 GB/s.
inline constexpr int kReaderDepth = 64;
inline constexpr int kReaderThreads = 4;  // pieces read at a time
// Longer requests are cut. Throughput was the disk's at every size from 256 KiB to 4 MiB; smaller
// pieces cost more processor time (59 to 99 ms for a GB at 256 KiB, 47 to 64 at 1 MiB), larger ones
// leave less of a request to be read side by side.
inline constexpr std::int64_t kPieceBytes = 1 << 20;

// 1 <= depth <= 4096. Errors: unsupported.
Result<std::unique_ptr<AsyncReader>> make_uring_reader(int depth,
                                                       std::int64_t piece_bytes = kPieceBytes);
// threads >= 1. Errors: out_of_memory (the system gives no more threads).
Result<std::unique_ptr<AsyncReader>> make_thread_reader(int threads,
                                                        std::int64_t piece_bytes = kPieceBytes);

}  // namespace starglass
