// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/types.h"

namespace starglass::ui {

void registerBridgeTypes() {
    qRegisterMetaType<ModelInfoPtr>();
    qRegisterMetaType<EnginePtr>();
    qRegisterMetaType<KvCachePtr>();
    qRegisterMetaType<UserError>();
    qRegisterMetaType<RoutingBatch>();
    qRegisterMetaType<TokenBatch>();
    qRegisterMetaType<SessionStats>();
    qRegisterMetaType<TokenCount>();
    qRegisterMetaType<LoadProgress>();
    qRegisterMetaType<PrefillProgress>();
    qRegisterMetaType<GenerateResult>();
}

}  // namespace starglass::ui
