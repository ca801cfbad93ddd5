// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/types.h"

namespace starglass::ui {

std::int64_t ExpertsSample::needed() const {
    std::int64_t sum = 0;
    for (const ExpertLayerUse& layer : layers) sum += layer.needed;
    return sum;
}

std::int64_t ExpertsSample::misses() const {
    std::int64_t sum = 0;
    for (const ExpertLayerUse& layer : layers) sum += layer.misses;
    return sum;
}

std::uint64_t ExpertsSample::readBytes() const {
    std::uint64_t sum = 0;
    for (const ExpertLayerUse& layer : layers) sum += layer.read_bytes;
    return sum;
}

void registerBridgeTypes() {
    qRegisterMetaType<ModelInfoPtr>();
    qRegisterMetaType<EnginePtr>();
    qRegisterMetaType<KvCachePtr>();
    qRegisterMetaType<UserError>();
    qRegisterMetaType<RoutingBatch>();
    qRegisterMetaType<TokenBatch>();
    qRegisterMetaType<ExpertsBatch>();
    qRegisterMetaType<ExpertLeasePtr>();
    qRegisterMetaType<ExpertSnapshotPtr>();
    qRegisterMetaType<SessionStats>();
    qRegisterMetaType<TokenCount>();
    qRegisterMetaType<LoadProgress>();
    qRegisterMetaType<PrefillProgress>();
    qRegisterMetaType<GenerateResult>();
    qRegisterMetaType<ReuseReport>();
}

}  // namespace starglass::ui
