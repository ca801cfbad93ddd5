// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs engine code; an exception that escapes it (memory, most likely) becomes an Error, so that
// one bad file or request never takes the conversation with it. Any thread.
#pragma once

#include <exception>
#include <new>

#include "engine/result.h"

namespace starglass::ui {

// `body` returns a Result.
template <class F>
auto guarded(F&& body) -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::out_of_memory, "there is not enough memory for this");
    } catch (const std::exception& problem) {
        return fail(ErrorCode::internal, "the engine stopped unexpectedly ({})", problem.what());
    }
}

}  // namespace starglass::ui
