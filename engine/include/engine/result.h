// SPDX-License-Identifier: MIT
//
// The facade's error type: Result<T>, Status, Error, ErrorCode, CancelToken.
#pragma once

#include "base/cancel.h"  // IWYU pragma: export
#include "base/result.h"  // IWYU pragma: export
