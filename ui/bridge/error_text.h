// SPDX-License-Identifier: GPL-3.0-or-later
//
// Engine errors as sentences people can act on. Pure functions; any thread.
#pragma once

#include "bridge/types.h"

namespace starglass::ui {

enum class Doing { opening, answering, caching };

// The engine writes clauses ("the disk is full"); a person reads "The disk is full."
QString asSentence(const QString& clause);
QString asSentence(const std::string& clause);

// `subject` is the file for opening, empty for the rest.
UserError describeError(const Error& error, Doing doing, const QString& subject);

}  // namespace starglass::ui
