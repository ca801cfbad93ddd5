// SPDX-License-Identifier: MIT
#include "base/async_reader.h"

#include "base/readers.h"

namespace starglass {

Result<std::unique_ptr<AsyncReader>> make_async_reader(std::string_view kind) {
    if (kind == "threads") return make_thread_reader(kReaderThreads);
    if (kind != "io_uring" && !kind.empty())
        return fail(ErrorCode::unsupported,
                    "there is no way of reading called '{}'; there are 'io_uring' and 'threads'",
                    kind);
    auto ring = make_uring_reader(kReaderDepth);
    if (!ring && kind.empty()) return make_thread_reader(kReaderThreads);
    return ring;
}

}  // namespace starglass
