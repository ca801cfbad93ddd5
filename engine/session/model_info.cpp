// SPDX-License-Identifier: MIT
#include "session/model_info.h"

#include "tensor/row_codec.h"

namespace starglass {
namespace {

SamplingOptions recommended_sampling(const Gguf& gguf) {
    SamplingOptions sampling;
    if (const auto value = gguf.f32_like("general.sampling.temp")) sampling.temperature = *value;
    if (const auto value = gguf.f32_like("general.sampling.top_p")) sampling.top_p = *value;
    if (const auto value = gguf.f32_like("general.sampling.min_p")) sampling.min_p = *value;
    if (const auto value = gguf.u32("general.sampling.top_k"))
        sampling.top_k = static_cast<int>(*value & 0xFFFFU);
    return sampling;
}

std::uint64_t kv_bytes_per_1k(const ModelShape& shape) {
    const RowLayout kv = RowLayout::kv(shape.head_width, shape.rotary);
    const RowLayout index = RowLayout::index(shape.index_width);
    double bytes = 0;
    for (const int ratio : shape.ratio) {
        if (ratio == 0) continue;
        bytes += 1000.0 / ratio * kv.stride;
        if (ModelShape::indexed(ratio)) bytes += 1000.0 / ratio * index.stride;
    }
    return static_cast<std::uint64_t>(bytes);
}

}  // namespace

ModelInfo make_model_info(const Gguf& gguf, const ModelShape& shape, const ModelWeights& weights) {
    ModelInfo info;
    info.name = printable(gguf.string("general.name").value_or("unnamed model"));
    info.layers = shape.layers;
    info.hash_layers = shape.hash_layers;
    info.experts = shape.experts;
    info.experts_used = shape.experts_used;
    info.embedding = shape.embedding;
    info.vocabulary = shape.vocabulary;
    info.heads = shape.heads;
    info.head_width = shape.head_width;
    info.sliding_window = shape.window;
    info.index_top_k = shape.index_top_k;
    info.hyper_streams = shape.streams;
    info.compress_ratios = shape.ratio;
    info.context_length = shape.context_length;
    info.sampling = recommended_sampling(gguf);
    info.kv_bytes_per_1k_tokens = kv_bytes_per_1k(shape);
    for (const LayerWeights& layer : weights.layers) {
        std::string types(traits_of(layer.gate_experts.type).name);
        if (layer.down_experts.type != layer.gate_experts.type)
            types += "/" + std::string(traits_of(layer.down_experts.type).name);
        info.expert_types.push_back(std::move(types));
    }
    for (const GgufTensor& tensor : gguf.tensors()) {
        const bool routed = tensor.name.find("_exps.") != std::string_view::npos;
        (routed ? info.routed_bytes : info.other_bytes) += tensor.bytes;
        // Routing tables are look-ups, not parameters.
        if (tensor.type && *tensor.type != DataType::i32) info.parameters += tensor.elements();
        info.tensors.push_back({printable(tensor.name),
                                tensor.type_name(),
                                {tensor.shape().begin(), tensor.shape().end()},
                                tensor.bytes});
    }
    return info;
}

}  // namespace starglass
