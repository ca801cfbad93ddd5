// SPDX-License-Identifier: MIT
//
// What a loaded file says about itself, for people and views.
#pragma once

#include "engine/engine.h"
#include "format/gguf.h"
#include "model/shape.h"
#include "model/weights.h"

namespace starglass {

ModelInfo make_model_info(const Gguf& gguf, const ModelShape& shape, const ModelWeights& weights);

}  // namespace starglass
