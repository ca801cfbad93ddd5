// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_budget.h"

#include <QBoxLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>

#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "theme/theme.h"

namespace starglass::ui {

DiskBar::DiskBar(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Use of the disk budget"));
}

void DiskBar::show(const CacheStats& stats, std::int64_t wanted) {
    bytes_ = stats.bytes;
    protected_ = stats.protected_bytes;
    budget_ = stats.budget_bytes;
    wanted_ = wanted;
    const QString text = tr("%1 of %2 used, of these %3 must stay")
                             .arg(bytesText(bytes_), budgetText(budget_), bytesText(protected_));
    setAccessibleDescription(text);
    setToolTip(text);
    update();
}

QSize DiskBar::sizeHint() const {
    return {fontMetrics().height() * 16, std::max(8, fontMetrics().height() * 2 / 3)};
}

void DiskBar::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF box = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.setPen(theme.border);
    painter.setBrush(theme.page);
    painter.drawRoundedRect(box, 3, 3);
    const double end = static_cast<double>(std::max({bytes_, budget_, std::int64_t{1}}));
    const auto part = [&](std::int64_t bytes) {
        QRectF out = box.adjusted(1, 1, -1, -1);
        out.setWidth(out.width() * std::min(1.0, static_cast<double>(bytes) / end));
        // Something is not nothing.
        if (bytes > 0) out.setWidth(std::max(out.width(), 1.5));
        return out;
    };
    const QColor blue = theme.dark ? Theme::category(5) : Theme::category(0);
    painter.setPen(Qt::NoPen);
    painter.fillRect(part(bytes_), blue);
    if (protected_ > 0) painter.fillRect(part(protected_), QBrush(theme.page, Qt::BDiagPattern));
    if (wanted_ > 0 && wanted_ < budget_) {
        const double x = part(wanted_).right();
        painter.setPen(QPen(theme.text, 2));
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()));
    }
}

StepSlider::StepSlider(QWidget* parent) : QSlider(Qt::Horizontal, parent) {
    setFocusPolicy(Qt::StrongFocus);
    setPageStep(1);
}

void StepSlider::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        emit chosen();
    else if (event->key() == Qt::Key_Escape)
        emit givenUp();
    else
        QSlider::keyPressEvent(event);
}

// Also after a click beside the handle, which moves it by a step.
void StepSlider::mouseReleaseEvent(QMouseEvent* event) {
    QSlider::mouseReleaseEvent(event);
    if (event->button() == Qt::LeftButton) emit chosen();
}

void StepSlider::focusOutEvent(QFocusEvent* event) {
    QSlider::focusOutEvent(event);
    if (!isSliderDown()) emit givenUp();
}

void StepSlider::wheelEvent(QWheelEvent* event) {
    event->ignore();
}

CacheBudget::CacheBudget(QWidget* parent)
    : QWidget(parent),
      head_(new SectionHead(tr("Budget"))),
      bar_(new DiskBar),
      slider_(new StepSlider),
      least_(new QuietLabel),
      most_(new QuietLabel),
      sentence_(new QuietLabel) {
    slider_->setAccessibleName(tr("Budget of the cache on disk"));
    slider_->setToolTip(tr("The arrow keys look, Enter applies"));
    sentence_->setWordWrap(true);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(6);
    rows->addWidget(head_);
    rows->addWidget(bar_);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(least_);
    row->addWidget(slider_, 1);
    row->addWidget(most_);
    rows->addLayout(row);
    rows->addWidget(sentence_);
    connect(slider_, &QSlider::valueChanged, this, [this] {
        touched_ = true;
        preview();
    });
    connect(slider_, &StepSlider::chosen, this, &CacheBudget::choose);
    connect(slider_, &StepSlider::givenUp, this, &CacheBudget::reset);
}

void CacheBudget::show(const CacheView& view) {
    view_ = view;
    const CacheStats& stats = view.stats;
    QString remark =
        tr("%1 of %2 used").arg(bytesText(stats.bytes), budgetText(stats.budget_bytes));
    if (stats.disk_free_bytes >= 0)
        remark += tr(" · %1 free on the disk").arg(bytesText(stats.disk_free_bytes));
    head_->setRemark(remark);
    if (touched_)
        preview();
    else
        reset();
}

void CacheBudget::setReadOnly(bool on) {
    slider_->setEnabled(!on);
}

std::int64_t CacheBudget::wanted() const {
    const auto at = static_cast<std::size_t>(slider_->value());
    return at < steps_.size() ? steps_[at] : 0;
}

void CacheBudget::reset() {
    steps_ = budgetSteps(view_.stats);
    const QSignalBlocker quiet(slider_);
    slider_->setRange(0, static_cast<int>(steps_.size()) - 1);
    const auto now = std::find(steps_.begin(), steps_.end(), view_.stats.budget_bytes);
    slider_->setValue(static_cast<int>(now - steps_.begin()));
    least_->setText(budgetText(steps_.front()));
    most_->setText(budgetText(steps_.back()));
    touched_ = false;
    preview();
}

void CacheBudget::preview() {
    const EvictionPreview shown = previewBudget(view_, wanted());
    sentence_->setText(previewSentence(shown, view_));
    slider_->setAccessibleDescription(sentence_->text());
    bar_->show(view_.stats, wanted());
}

void CacheBudget::choose() {
    const std::int64_t bytes = wanted();
    touched_ = false;
    if (bytes > 0 && bytes != view_.stats.budget_bytes) {
        view_.stats.budget_bytes = bytes;  // until the cache says so itself
        emit budgetChosen(bytes);
    }
    preview();
}

QString CacheBudget::sentence() const {
    return sentence_->text();
}

QString CacheBudget::remark() const {
    return head_->remark();
}

}  // namespace starglass::ui
