// SPDX-License-Identifier: MIT
//
// The scalar truth: canonical evaluation order of model spec section 2.11, one thread.
#pragma once

#include <memory>

#include "kernel/backend.h"

namespace starglass {

std::unique_ptr<Backend> make_reference_backend(Activations activations);

}  // namespace starglass
