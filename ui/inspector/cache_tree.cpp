// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_tree.h"

#include <QDateTime>
#include <QEvent>
#include <QHeaderView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <algorithm>
#include <array>

#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kRowsMin = 5;
constexpr int kRowsMax = 12;

// What goes last when the panel is narrow stands first.
constexpr std::array kByWorth{CacheTreeModel::kWhat, CacheTreeModel::kTokens, CacheTreeModel::kNext,
                              CacheTreeModel::kSize, CacheTreeModel::kSaved,  CacheTreeModel::kAge,
                              CacheTreeModel::kHits, CacheTreeModel::kReason};

class CheckpointPainter : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const override {
        return {QStyledItemDelegate::sizeHint(option, index).width(),
                QFontMetrics(option.font).height() * 5 / 4};
    }

protected:
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
        QStyledItemDelegate::initStyleOption(option, index);
        // The view's own highlight is a tint already.
        const Theme theme = Theme::of(option->widget ? option->widget->palette() : option->palette);
        const bool what = index.column() == CacheTreeModel::kWhat;
        // Figures below each other need digits of one width.
        option->font = what || index.column() == CacheTreeModel::kReason
                           ? smallFont(option->font)
                           : codeFont(smallFont(option->font));
        option->fontMetrics = QFontMetrics(option->font);
        const bool quiet = index.data(CacheTreeModel::kQuiet).toBool();
        const QColor ink = quiet || !what ? theme.quiet : theme.text;
        for (const auto role : {QPalette::Text, QPalette::HighlightedText})
            option->palette.setColor(
                role, role == QPalette::HighlightedText && !quiet ? theme.text : ink);
        option->textElideMode = !what || index.data(CacheTreeModel::kId).toString().isEmpty() ||
                                        index.data(CacheTreeModel::kTitled).toBool()
                                    ? Qt::ElideRight
                                    : Qt::ElideLeft;
    }
};

}  // namespace

CacheTree::CacheTree(QWidget* parent) : QTreeView(parent), model_(new CacheTreeModel(this)) {
    setModel(model_);
    setItemDelegate(new CheckpointPainter(this));
    setFrameShape(QFrame::NoFrame);
    setUniformRowHeights(true);
    setAllColumnsShowFocus(true);
    setSelectionMode(SingleSelection);
    setSelectionBehavior(SelectRows);
    setEditTriggers(NoEditTriggers);
    setSortingEnabled(true);
    setTabKeyNavigation(false);
    setContextMenuPolicy(Qt::ActionsContextMenu);
    setVerticalScrollMode(ScrollPerPixel);
    setAccessibleName(tr("Checkpoints on disk, as a tree of shared prefixes"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    viewport()->setBackgroundRole(QPalette::Window);
    viewport()->setAutoFillBackground(true);
    header()->setStretchLastSection(false);
    header()->setSectionResizeMode(QHeaderView::Fixed);
    header()->setMinimumSectionSize(8);
    header()->setSectionsMovable(false);
    header()->setHighlightSections(false);
    sortByColumn(CacheTreeModel::kAge, Qt::AscendingOrder);
    connect(this, &QTreeView::collapsed, this, [this](const QModelIndex& index) {
        if (restoring_) return;
        folded_.insert(keyOf(index));
        updateGeometry();
    });
    connect(this, &QTreeView::expanded, this, [this](const QModelIndex& index) {
        if (restoring_) return;
        folded_.remove(keyOf(index));
        updateGeometry();
    });
    connect(model_, &QAbstractItemModel::modelReset, this, &CacheTree::unfold);
    connect(selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& now) {
                if (restoring_) return;
                wanted_ = now.data(CacheTreeModel::kId).toString();
                emit selectedChanged();
            });
    fit();
}

QString CacheTree::keyOf(const QModelIndex& index) const {
    const QString group = model_->group(index);
    return group.isEmpty() ? index.data(CacheTreeModel::kId).toString() : u'/' + group;
}

void CacheTree::show(const CacheView& view) {
    model_->setNow(QDateTime::currentSecsSinceEpoch());
    model_->show(view);
    updateGeometry();
    emit selectedChanged();  // its figures may have moved
}

void CacheTree::unfold() {
    restoring_ = true;
    expandAll();
    QList<QModelIndex> todo{QModelIndex()};
    while (!todo.isEmpty()) {
        const QModelIndex parent = todo.takeLast();
        for (int row = 0; row < model_->rowCount(parent); ++row) {
            const QModelIndex index = model_->index(row, 0, parent);
            if (folded_.contains(keyOf(index))) collapse(index);
            setFirstColumnSpanned(row, parent, !model_->group(index).isEmpty());
            if (model_->rowCount(index) > 0) todo << index;
        }
    }
    const QModelIndex index = model_->indexOf(wanted_);
    if (index.isValid()) setCurrentIndex(index);
    restoring_ = false;
    if (!index.isValid()) wanted_.clear();
    emit selectedChanged();
}

const CheckpointInfo* CacheTree::selected() const {
    return wanted_.isEmpty() ? nullptr : model_->info(model_->indexOf(wanted_));
}

void CacheTree::select(const QString& id) {
    const QModelIndex index = model_->indexOf(id);
    if (!index.isValid()) return;
    setCurrentIndex(index);
    scrollTo(index);
}

void CacheTree::fit() {
    const QFontMetrics figures(codeFont(smallFont(font())));
    const QFontMetrics words(smallFont(font()));
    header()->setFont(smallFont(font()));
    const int em = figures.horizontalAdvance(u'0');
    setIndentation(em * 2);
    const auto wide = [&](const char* sample) {
        return figures.horizontalAdvance(QLatin1String(sample)) + em * 2;
    };
    int width[CacheTreeModel::kColumns] = {};
    width[CacheTreeModel::kWhat] = em * 18;
    width[CacheTreeModel::kTokens] = wide("000,000");
    width[CacheTreeModel::kSize] = wide("00.0 + 000.0 MB");
    width[CacheTreeModel::kHits] = wide("0000");
    width[CacheTreeModel::kAge] = wide("00 days");
    width[CacheTreeModel::kSaved] = wide("00 min 00 s");
    width[CacheTreeModel::kReason] =
        words.horizontalAdvance(QStringLiteral("agent session")) + em * 2;
    width[CacheTreeModel::kNext] = wide("session");
    // Room for the head with its arrow, too.
    for (int column = 1; column < CacheTreeModel::kColumns; ++column)
        width[column] =
            std::max(width[column],
                     words.horizontalAdvance(
                         model_->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString()) +
                         em * 3);
    int left = viewport()->width();
    bool room = true;
    for (const int column : kByWorth) {
        room = room && (column == CacheTreeModel::kWhat || width[column] <= left);
        setColumnHidden(column, !room);
        if (room) left -= width[column];
    }
    width[CacheTreeModel::kWhat] += std::max(0, left);
    for (int column = 0; column < CacheTreeModel::kColumns; ++column)
        if (!isColumnHidden(column)) setColumnWidth(column, width[column]);
}

int CacheTree::rows() const {
    int count = 0;
    QList<QModelIndex> todo{QModelIndex()};
    while (!todo.isEmpty() && count < kRowsMax) {
        const QModelIndex parent = todo.takeLast();
        for (int row = 0; row < model_->rowCount(parent); ++row) {
            ++count;
            const QModelIndex index = model_->index(row, 0, parent);
            if (isExpanded(index)) todo << index;
        }
    }
    return std::clamp(count, kRowsMin, kRowsMax);
}

QSize CacheTree::sizeHint() const {
    const int row = std::max(sizeHintForRow(0), fontMetrics().height());
    return {fontMetrics().height() * 20, header()->sizeHint().height() + row * rows() + 4};
}

QSize CacheTree::minimumSizeHint() const {
    return {fontMetrics().height() * 8, sizeHint().height()};
}

void CacheTree::initViewItemOption(QStyleOptionViewItem* option) const {
    QTreeView::initViewItemOption(option);
    // Also beside the items, where the branches are drawn.
    option->palette.setColor(QPalette::Highlight, Theme::of(palette()).tint);
}

void CacheTree::changeEvent(QEvent* event) {
    QTreeView::changeEvent(event);
    if (event->type() == QEvent::FontChange) {
        fit();
        updateGeometry();
    }
}

void CacheTree::resizeEvent(QResizeEvent* event) {
    QTreeView::resizeEvent(event);
    fit();
}

}  // namespace starglass::ui
