// SPDX-License-Identifier: MIT
//
// A cache that holds what a test puts there, in memory. Implements the facade; everything may be
// called and changed from any thread. Remembers who called what, and on which thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/kv_cache.h"

namespace starglass::test {

// `text` becomes the preview; sizes are what evaluating and storing such a timeline is like.
inline CheckpointInfo checkpoint(std::string id, std::string parent, std::int64_t tokens,
                                 std::string text) {
    CheckpointInfo out;
    out.id = std::move(id);
    out.parent = std::move(parent);
    out.model_fingerprint = "00112233445566778899aabbccddeeff";
    out.model_name = "Fake guide";
    out.text_sha1 = std::string(40, 'a');
    out.tokens = tokens;
    out.text_bytes = tokens * 4;
    out.own_bytes = 12'000'000;
    out.shared_bytes = tokens * 3'500;
    out.freed_bytes = out.own_bytes;
    out.reason = SaveReason::turn;
    out.evaluate_seconds = static_cast<double>(tokens) / 250;
    out.preview = std::move(text);
    return out;
}

class FakeCache final : public KvCache {
public:
    struct Call {
        std::string what;  // "pin c1", "budget 1000"
        std::thread::id thread;
    };

    // --- the script ---------------------------------------------------------------------------

    void set(std::vector<CheckpointInfo> list) {
        const std::lock_guard lock(mutex_);
        list_ = std::move(list);
        count();
    }
    // `change` alters the figures; checkpoints are counted by the cache itself.
    void setStats(const std::function<void(CacheStats&)>& change) {
        const std::lock_guard lock(mutex_);
        change(stats_);
    }
    void setRate(CacheRate rate) {
        const std::lock_guard lock(mutex_);
        rate_ = rate;
    }
    void setProblems(std::vector<CacheProblem> problems) {
        const std::lock_guard lock(mutex_);
        problems_ = std::move(problems);
    }
    // The next call that can fail does.
    void failNext(Error error) {
        const std::lock_guard lock(mutex_);
        error_ = std::move(error);
    }
    // Slept in every call that reads or writes files.
    void setDelayMs(int ms) {
        const std::lock_guard lock(mutex_);
        delayMs_ = ms;
    }
    // Tells the listener, on the caller's thread.
    void fire(const CacheEvent& event) {
        CacheListener listener;
        {
            const std::lock_guard lock(mutex_);
            listener = listener_;
        }
        if (listener) listener(event);
    }
    [[nodiscard]] std::vector<Call> calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }
    [[nodiscard]] int callsOf(const std::string& what) const {
        const std::lock_guard lock(mutex_);
        return static_cast<int>(std::count_if(calls_.begin(), calls_.end(), [&](const Call& call) {
            return call.what.starts_with(what);
        }));
    }
    [[nodiscard]] bool listening() const {
        const std::lock_guard lock(mutex_);
        return static_cast<bool>(listener_);
    }

    // --- KvCache ------------------------------------------------------------------------------

    [[nodiscard]] const KvCacheOptions& options() const override { return options_; }
    [[nodiscard]] std::vector<CheckpointInfo> list() const override {
        const std::lock_guard lock(mutex_);
        calls_.push_back({"list", std::this_thread::get_id()});
        return list_;
    }
    [[nodiscard]] std::optional<CheckpointInfo> info(const std::string& id) const override {
        const std::lock_guard lock(mutex_);
        for (const CheckpointInfo& one : list_)
            if (one.id == id) return one;
        return {};
    }
    [[nodiscard]] CacheStats stats() const override {
        const std::lock_guard lock(mutex_);
        return stats_;
    }
    [[nodiscard]] CacheRate rate() const override {
        const std::lock_guard lock(mutex_);
        return rate_;
    }

    Result<std::string> text(const std::string& id) override {
        TRY_STATUS(work("text " + id));
        if (const auto found = info(id)) return found->preview;
        return fail(ErrorCode::not_found, "there is no such checkpoint");
    }
    Result<std::vector<TokenAlternative>> next_tokens(const std::string& id) override {
        TRY_STATUS(work("next " + id));
        return std::vector<TokenAlternative>();
    }
    Result<std::vector<ToolBlock>> tool_blocks(const std::string& id) override {
        TRY_STATUS(work("tools " + id));
        return std::vector<ToolBlock>();
    }
    Status pin(const std::string& id, bool pinned) override {
        TRY_STATUS(work((pinned ? "pin " : "unpin ") + id));
        return change(id, [&](CheckpointInfo& one) { one.pinned = pinned; });
    }
    Status own(const std::string& id, bool owned) override {
        TRY_STATUS(work((owned ? "own " : "disown ") + id));
        return change(id, [&](CheckpointInfo& one) { one.owned = owned; });
    }
    Status remove(const std::string& id) override {
        TRY_STATUS(work("remove " + id));
        {
            const std::lock_guard lock(mutex_);
            const auto gone =
                std::remove_if(list_.begin(), list_.end(),
                               [&](const CheckpointInfo& one) { return one.id == id; });
            if (gone == list_.end())
                return fail(ErrorCode::not_found, "there is no such checkpoint");
            stats_.bytes -= gone->freed_bytes;
            list_.erase(gone, list_.end());
            count();
        }
        fire({.kind = CacheEvent::Kind::changed});
        return {};
    }
    Result<std::int64_t> set_budget(std::int64_t bytes) override {
        TRY_STATUS(work("budget " + std::to_string(bytes)));
        {
            const std::lock_guard lock(mutex_);
            options_.budget_bytes = stats_.budget_bytes = bytes;
        }
        fire({.kind = CacheEvent::Kind::changed});
        return std::int64_t{0};
    }
    Result<std::int64_t> collect_garbage() override {
        TRY_STATUS(work("gc"));
        {
            const std::lock_guard lock(mutex_);
            stats_.set_aside = 0;
        }
        fire({.kind = CacheEvent::Kind::changed});
        return std::int64_t{4'200'000};
    }
    Result<std::vector<CacheProblem>> verify(const std::string& id,
                                             const CancelToken& cancel) override {
        TRY_STATUS(work("verify " + id));
        if (cancel.cancelled()) return fail(ErrorCode::cancelled, "verifying was cancelled");
        const std::lock_guard lock(mutex_);
        return problems_;
    }
    Status export_bundle(const std::string& id, const std::string& path) override {
        return work("export " + id + " " + path);
    }
    Result<std::string> import_bundle(const std::string& path) override {
        TRY_STATUS(work("import " + path));
        return std::string("imported");
    }
    void flush() override { (void)work("flush"); }
    void set_listener(CacheListener listener) override {
        const std::lock_guard lock(mutex_);
        listener_ = std::move(listener);
    }

private:
    Status work(const std::string& what) {
        int delay = 0;
        {
            const std::lock_guard lock(mutex_);
            calls_.push_back({what, std::this_thread::get_id()});
            delay = delayMs_;
        }
        if (delay > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay));
        const std::lock_guard lock(mutex_);
        if (what == "flush" || !error_) return {};
        Error error = std::move(*error_);
        error_.reset();
        return tl::unexpected<Error>(std::move(error));
    }
    template <class Change>
    Status change(const std::string& id, Change&& what) {
        {
            const std::lock_guard lock(mutex_);
            const auto found =
                std::find_if(list_.begin(), list_.end(),
                             [&](const CheckpointInfo& one) { return one.id == id; });
            if (found == list_.end())
                return fail(ErrorCode::not_found, "there is no such checkpoint");
            what(*found);
        }
        fire({.kind = CacheEvent::Kind::changed, .checkpoint = id});
        return {};
    }
    void count() { stats_.checkpoints = static_cast<int>(list_.size()); }

    mutable std::mutex mutex_;
    KvCacheOptions options_;
    std::vector<CheckpointInfo> list_;
    CacheStats stats_;
    CacheRate rate_;
    std::vector<CacheProblem> problems_;
    std::optional<Error> error_;
    int delayMs_ = 0;
    CacheListener listener_;
    mutable std::vector<Call> calls_;
};

}  // namespace starglass::test
