// SPDX-License-Identifier: MIT
//
// Whether a sanitizer watches this process.
#pragma once

namespace starglass {

// Clang says by feature what GCC says by macro.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

// Any: it then has memory and address space of its own, which what measures memory cannot tell from
// the program's.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// Of threads: a child of a process that has had threads cannot start any then.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

}  // namespace starglass
