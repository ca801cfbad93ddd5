// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_plan.h"

#include <QCoreApplication>
#include <QRegularExpression>
#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "inspector/inspector_format.h"

namespace starglass::ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(Cache)
};

constexpr std::int64_t kGigabyte = 1'000'000'000;
// Enough words to recognise a text, few enough for a label.
constexpr int kNameChars = 28;

// A preview is the end of a text, and so are its last words.
QString lastWords(const QString& text) {
    if (text.size() <= kNameChars) return text;
    const auto gap = text.indexOf(u' ', text.size() - kNameChars);
    return u'…' + (gap >= 0 && gap < text.size() - kNameChars / 2 ? text.mid(gap + 1)
                                                                  : text.right(kNameChars - 1));
}

}  // namespace

QString readable(const QString& rendered) {
    static const QRegularExpression marker(QStringLiteral("<｜([^<>｜]{1,40})｜>"));
    return QString(rendered).replace(marker, QStringLiteral("‹\\1›"));
}

QString previewText(const CheckpointInfo& info) {
    return readable(QString::fromStdString(info.preview)).simplified();
}

QString budgetText(std::int64_t bytes) {
    return bytes % kGigabyte == 0 ? Words::tr("%1 GB").arg(numberText(bytes / kGigabyte))
                                  : bytesText(bytes);
}

EvictionPreview previewBudget(const CacheView& view, std::int64_t budget) {
    EvictionPreview out;
    out.budget = budget;
    std::vector<const CheckpointInfo*> order;
    for (const CheckpointInfo& info : view.list)
        if (info.evict_rank >= 0) order.push_back(&info);
    std::sort(order.begin(), order.end(), [](const CheckpointInfo* a, const CheckpointInfo* b) {
        return a->evict_rank < b->evict_rank;
    });
    std::int64_t left = view.stats.bytes;
    for (const CheckpointInfo* info : order) {
        if (left <= budget) break;
        left -= info->freed_bytes;
        out.freed += info->freed_bytes;
        ++out.checkpoints;
    }
    out.over = std::max<std::int64_t>(0, left - budget);
    return out;
}

QString previewSentence(const EvictionPreview& preview, const CacheView& view) {
    const QString at = budgetText(preview.budget);
    if (preview.checkpoints == 0 && preview.over == 0) {
        const std::int64_t room = preview.budget - view.stats.bytes;
        return Words::tr("At %1, everything stays; %2 are left.").arg(at, bytesText(room));
    }
    QString out;
    if (preview.checkpoints == 1)
        out = Words::tr("At %1, 1 checkpoint (%2) would go.").arg(at, bytesText(preview.freed));
    else if (preview.checkpoints > 1)
        out = Words::tr("At %1, %2 checkpoints (%3) would go.")
                  .arg(at, numberText(preview.checkpoints), bytesText(preview.freed));
    if (preview.over > 0) {
        if (!out.isEmpty()) out += u' ';
        out += Words::tr("What must stay is %1 more than %2: nothing new would be saved.")
                   .arg(bytesText(preview.over), at);
    }
    return out;
}

std::vector<std::int64_t> budgetSteps(const CacheStats& stats) {
    static constexpr int kSteps[] = {1,  2,  3,  4,  6,   8,   12,  16,  24,
                                     32, 48, 64, 96, 128, 192, 256, 384, 512};
    const std::int64_t room =
        stats.disk_free_bytes < 0 ? 512 * kGigabyte : stats.bytes + stats.disk_free_bytes;
    std::vector<std::int64_t> out;
    for (const int step : kSteps)
        if (out.empty() || step * kGigabyte <= room) out.push_back(step * kGigabyte);
    const std::int64_t now = stats.budget_bytes;
    if (now > 0 && std::find(out.begin(), out.end(), now) == out.end()) {
        out.push_back(now);
        std::sort(out.begin(), out.end());
    }
    return out;
}

std::vector<DiskShare> diskShares(const CacheView& view, const std::string& fingerprint,
                                  const SessionTitles& titles, int most) {
    // Longer checkpoints first, so that every child is seen before its parent.
    std::vector<const CheckpointInfo*> order;
    std::unordered_map<std::string, const CheckpointInfo*> byId;
    for (const CheckpointInfo& info : view.list) {
        order.push_back(&info);
        byId.emplace(info.id, &info);
    }
    std::stable_sort(
        order.begin(), order.end(),
        [](const CheckpointInfo* a, const CheckpointInfo* b) { return a->tokens > b->tokens; });
    const auto parentOf = [&](const CheckpointInfo& info) -> const CheckpointInfo* {
        const auto found = byId.find(info.parent);
        return found != byId.end() && found->second->tokens < info.tokens ? found->second : nullptr;
    };
    const QString shared = Words::tr("Shared by several");
    struct Owner {
        bool any = false, several = false;
        QString name;
        void join(const Owner& other) {
            several = several || other.several || (any && other.any && other.name != name);
            if (!any) name = other.name;
            any = any || other.any;
        }
    };
    std::unordered_map<const CheckpointInfo*, Owner> owners;
    for (const CheckpointInfo* info : order) {
        Owner& own = owners[info];
        const QString title = titles ? titles(QString::fromStdString(info->id)) : QString();
        if (!title.isEmpty()) own.join({true, false, title});
        if (!own.any) {
            const QString text = lastWords(previewText(*info));
            own.join({true, false, text.isEmpty() ? Words::tr("(no text)") : text});
        }
        const Owner mine = own;
        if (const CheckpointInfo* parent = parentOf(*info)) owners[parent].join(mine);
    }
    std::map<std::pair<DiskShare::Kind, QString>, DiskShare> sums;
    for (const CheckpointInfo* info : order) {
        const bool foreign = !fingerprint.empty() && info->model_fingerprint != fingerprint;
        const Owner& own = owners[info];
        const auto kind = foreign       ? DiskShare::Kind::model
                          : own.several ? DiskShare::Kind::shared
                                        : DiskShare::Kind::session;
        const QString name =
            foreign       ? Words::tr("Model %1").arg(QString::fromStdString(info->model_name))
            : own.several ? shared
                          : own.name;
        const CheckpointInfo* parent = parentOf(*info);
        DiskShare& sum = sums[{kind, name}];
        sum.kind = kind;
        sum.name = name;
        sum.bytes +=
            info->own_bytes +
            std::max<std::int64_t>(0, info->shared_bytes - (parent ? parent->shared_bytes : 0));
        ++sum.checkpoints;
    }
    std::vector<DiskShare> out;
    for (auto& [key, sum] : sums) out.push_back(sum);
    std::stable_sort(out.begin(), out.end(),
                     [](const DiskShare& a, const DiskShare& b) { return a.bytes > b.bytes; });
    if (static_cast<int>(out.size()) > most + 1) {
        DiskShare rest;
        rest.kind = DiskShare::Kind::others;
        rest.name = Words::tr("%1 others").arg(out.size() - static_cast<std::size_t>(most));
        for (auto i = static_cast<std::size_t>(most); i < out.size(); ++i) {
            rest.bytes += out[i].bytes;
            rest.checkpoints += out[i].checkpoints;
        }
        out.resize(static_cast<std::size_t>(most));
        out.push_back(rest);
    }
    return out;
}

}  // namespace starglass::ui
