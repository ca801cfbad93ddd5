// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/experts_table.h"

#include <QEvent>
#include <QHeaderView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <algorithm>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

QString weightText(double weight) {
    return decimalText(weight, 2);
}

// The expert in the text's colour, its weight quietly beside it.
class ChoicePainter : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme theme = Theme::of(option.palette);
        painter->save();
        if (option.state & QStyle::State_Selected) painter->fillRect(option.rect, theme.tint);
        painter->setFont(codeFont(smallFont(option.font)));
        const QRect box = option.rect.adjusted(1, 0, -3, 0);
        const QFontMetrics metrics = painter->fontMetrics();
        if (index.column() == 0) {
            painter->setPen(theme.quiet);
            painter->drawText(box, Qt::AlignRight | Qt::AlignVCenter, index.data().toString());
        } else if (index.data(ExpertsModel::kExpert).toInt() < 0) {
            painter->setPen(theme.quiet);
            painter->drawText(box, Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("–"));
        } else {
            const QString weight = weightText(index.data(ExpertsModel::kWeight).toDouble());
            const QString expert = QString::number(index.data(ExpertsModel::kExpert).toInt());
            const int used =
                metrics.horizontalAdvance(weight) + metrics.horizontalAdvance(u'0') / 2;
            painter->setPen(theme.quiet);
            painter->drawText(box, Qt::AlignRight | Qt::AlignVCenter, weight);
            painter->setPen(theme.text);
            painter->drawText(box.adjusted(0, 0, -used, 0), Qt::AlignRight | Qt::AlignVCenter,
                              expert);
        }
        if (option.state & QStyle::State_HasFocus) {
            painter->setPen(theme.accent);
            painter->drawRect(option.rect.adjusted(0, 0, -1, -1));
        }
        painter->restore();
    }
};

}  // namespace

void ExpertsModel::setShape(const RoutingShape& shape) {
    beginResetModel();
    shape_ = shape;
    choices_.assign(static_cast<std::size_t>(std::max(0, shape.layers)) *
                        static_cast<std::size_t>(std::max(0, shape.expertsUsed)),
                    {});
    endResetModel();
}

void ExpertsModel::show(const RoutingSample* sample) {
    std::fill(choices_.begin(), choices_.end(), Choice{});
    const int width = sample ? sample->expertsUsed : 0;
    for (int layer = 0; sample && layer < std::min(shape_.layers, sample->layers); ++layer) {
        const auto first =
            choices_.begin() + static_cast<std::ptrdiff_t>(layer) * shape_.expertsUsed;
        for (int k = 0; k < std::min(width, shape_.expertsUsed); ++k) {
            const auto slot = static_cast<std::size_t>(layer * width + k);
            if (slot >= sample->experts.size()) break;
            const int expert = sample->experts[slot];
            if (expert < 0 || expert >= shape_.experts) continue;
            first[k] = {expert, slot < sample->weights.size() ? sample->weights[slot] : 0.0F};
        }
        std::stable_sort(first, first + shape_.expertsUsed, [](const Choice& a, const Choice& b) {
            return std::pair(a.expert >= 0, a.weight) > std::pair(b.expert >= 0, b.weight);
        });
    }
    if (!choices_.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

int ExpertsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : shape_.layers;
}

int ExpertsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : 1 + shape_.expertsUsed;
}

QVariant ExpertsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (index.column() == 0) {
        const bool hash = index.row() < shape_.hashLayers;
        if (role == Qt::DisplayRole)
            return hash ? QStringLiteral("# %1").arg(index.row()) : QString::number(index.row());
        if (role == Qt::ToolTipRole || role == Qt::AccessibleTextRole)
            return hash ? tr("Layer %1, routed by token id").arg(index.row())
                        : tr("Layer %1").arg(index.row());
        return {};
    }
    const Choice& shown = choice(index);
    if (role == kExpert) return shown.expert;
    if (role == kWeight) return shown.weight;
    if (shown.expert < 0)
        return role == Qt::DisplayRole ? QVariant(QStringLiteral("–")) : QVariant();
    if (role == Qt::DisplayRole) return tr("%1 %2").arg(shown.expert).arg(weightText(shown.weight));
    if (role == Qt::ToolTipRole || role == Qt::AccessibleTextRole)
        return tr("Layer %1: expert %2, weight %3")
            .arg(index.row())
            .arg(shown.expert)
            .arg(decimalText(shown.weight, 3));
    return {};
}

QVariant ExpertsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignRight | Qt::AlignVCenter);
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
    if (section == 0) return tr("layer");
    return section == 1 ? tr("expert, weight") : QString();
}

ExpertsTable::ExpertsTable(QWidget* parent) : QTableView(parent), model_(new ExpertsModel(this)) {
    setModel(model_);
    setItemDelegate(new ChoicePainter(this));
    setFrameShape(QFrame::NoFrame);
    setShowGrid(false);
    setSelectionMode(SingleSelection);
    setTabKeyNavigation(false);
    setEditTriggers(NoEditTriggers);
    setHorizontalScrollMode(ScrollPerPixel);
    setVerticalScrollMode(ScrollPerPixel);
    setAccessibleName(tr("Experts of this token, by layer"));
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    horizontalHeader()->hide();
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    viewport()->setBackgroundRole(QPalette::Window);
    viewport()->setAutoFillBackground(true);
    connect(this, &QTableView::activated, this, [this](const QModelIndex& index) {
        const int expert = index.data(ExpertsModel::kExpert).toInt();
        if (index.column() > 0 && expert >= 0) emit cellActivated({index.row(), expert});
    });
    fit();
}

void ExpertsTable::setShape(const RoutingShape& shape) {
    model_->setShape(shape);
    fit();
}

QSize ExpertsTable::minimumSizeHint() const {
    const int rows = std::clamp(model_->rowCount(), 1, 8);
    return {fontMetrics().height() * 8, verticalHeader()->defaultSectionSize() * rows + 2};
}

void ExpertsTable::fit() {
    if (fitting_) return;
    fitting_ = true;
    const QFontMetrics metrics(codeFont(smallFont(font())));
    verticalHeader()->setMinimumSectionSize(8);
    horizontalHeader()->setMinimumSectionSize(8);
    verticalHeader()->setDefaultSectionSize(metrics.height() * 5 / 4);
    const int first = metrics.horizontalAdvance(QStringLiteral("# 00")) + 6;
    const int least = metrics.horizontalAdvance(QStringLiteral("0000.00")) + 9;
    const int choices = model_->columnCount() - 1;
    for (int column = 0; column <= choices; ++column)
        setColumnWidth(column, column == 0 ? first
                                           : std::max(least, (viewport()->width() - first) /
                                                                 std::max(1, choices)));
    setMaximumHeight(verticalHeader()->defaultSectionSize() * std::max(1, model_->rowCount()) + 16);
    fitting_ = false;
}

void ExpertsTable::changeEvent(QEvent* event) {
    QTableView::changeEvent(event);
    if (event->type() == QEvent::FontChange) fit();
}

void ExpertsTable::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    fit();
}

}  // namespace starglass::ui
