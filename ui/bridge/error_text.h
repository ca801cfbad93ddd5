// SPDX-License-Identifier: GPL-3.0-or-later
//
// Engine errors as sentences people can act on. Pure functions; any thread.
#pragma once

#include "bridge/types.h"

namespace starglass::ui {

enum class Doing { opening, answering, caching };

// `subject` is the file for opening, empty for the rest.
UserError describeError(const Error& error, Doing doing, const QString& subject);

}  // namespace starglass::ui
