// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/plan_view.h"

#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QStringList>
#include <QVBoxLayout>
#include <algorithm>

#include "shell/notice.h"
#include "shell/placement_text.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kBarHeight = 14;
constexpr int kSwatch = 10;
constexpr int kSpace = -1;  // what is not a part: no colour

// Experts stand out, whichever place they have.
int categoryOf(const MemoryPlan& plan, std::size_t part) {
    const bool experts = part + 1 == plan.parts.size();
    return experts ? 0 : 1 + static_cast<int>(part) % (Theme::kCategories - 1);
}

QLabel* words(const char* name, bool quiet = false) {
    auto* label = new QLabel;
    label->setObjectName(QLatin1String(name));
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    if (quiet) label->setProperty("quiet", true);
    return label;
}

class Swatch : public QWidget {
public:
    explicit Swatch(int category) : category_(category) { setFixedSize(kSwatch, kSwatch); }

protected:
    void paintEvent(QPaintEvent*) override {
        if (category_ == kSpace) return;
        QPainter(this).fillRect(rect(), Theme::category(category_));
    }

private:
    int category_;
};

}  // namespace

PlanBar::PlanBar(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Parts of the memory plan"));
}

QSize PlanBar::sizeHint() const {
    return {200, kBarHeight};
}

void PlanBar::setPlan(const MemoryPlan& plan) {
    std::uint64_t sum = 0;
    for (const MemoryPlan::Part& part : plan.parts) sum += part.bytes;
    const auto whole = static_cast<double>(std::max({plan.ceiling, sum, std::uint64_t{1}}));
    shares_.clear();
    for (const MemoryPlan::Part& part : plan.parts)
        shares_.push_back(static_cast<double>(part.bytes) / whole);
    update();
}

void PlanBar::paintEvent(QPaintEvent*) {
    const Theme theme = Theme::of(palette());
    QPainter painter(this);
    painter.fillRect(rect(), theme.hover);
    double x = 0;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        const double width = shares_[i] * this->width();
        const int category =
            i + 1 == shares_.size() ? 0 : 1 + static_cast<int>(i) % (Theme::kCategories - 1);
        painter.fillRect(QRectF(x, 0, std::max(width - 1, 0.5), height()),
                         Theme::category(category));
        x += width;
    }
}

PlanView::PlanView(QWidget* parent)
    : QWidget(parent),
      message_(words("planMessage", true)),
      bar_(new PlanBar),
      parts_(new QWidget),
      rows_(new QGridLayout(parts_)),
      experts_(words("planExperts")),
      speed_(words("planSpeed")),
      reasons_(words("planReasons", true)) {
    rows_->setContentsMargins(0, 0, 0, 0);
    rows_->setHorizontalSpacing(8);
    rows_->setVerticalSpacing(3);
    rows_->setColumnStretch(1, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(8);
    for (QWidget* widget : {static_cast<QWidget*>(message_), static_cast<QWidget*>(bar_), parts_,
                            static_cast<QWidget*>(experts_), static_cast<QWidget*>(speed_),
                            static_cast<QWidget*>(reasons_)})
        column->addWidget(widget);
    column->addStretch();
    setMessage({});
}

void PlanView::setMessage(const QString& message) {
    message_->setText(message);
    message_->setVisible(!message.isEmpty());
    for (QWidget* widget : {static_cast<QWidget*>(bar_), parts_, static_cast<QWidget*>(experts_),
                            static_cast<QWidget*>(speed_), static_cast<QWidget*>(reasons_)})
        widget->hide();
}

void PlanView::addRow(const QString& name, const QString& value, int category) {
    const int row = rows_->count() / 3;
    auto* value_label = new QLabel(value);
    value_label->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    auto* swatch = new Swatch(category);
    rows_->addWidget(swatch, row, 0, Qt::AlignVCenter);
    rows_->addWidget(new QLabel(name), row, 1);
    rows_->addWidget(value_label, row, 2);
}

void PlanView::setReport(const MemoryReport& report) {
    const MemoryPlan& plan = report.plan;
    const auto bytes = [](std::uint64_t count) { return bytesText(static_cast<double>(count)); };
    while (QLayoutItem* item = rows_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const bool works = report.problem.empty();
    setMessage(works ? QString() : planProblem(report));
    if (!works) return;
    bar_->setPlan(plan);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < plan.parts.size(); ++i) {
        sum += plan.parts[i].bytes;
        addRow(partText(plan.parts[i].name), bytes(plan.parts[i].bytes), categoryOf(plan, i));
    }
    addRow(plan.mapped ? tr("All of it (%1 are free)").arg(bytes(plan.available_bytes))
                       : tr("The ceiling (%1 are free, %2 is the least)")
                             .arg(bytes(plan.available_bytes), bytes(plan.least_ceiling)),
           bytes(plan.mapped ? sum : plan.ceiling), kSpace);
    experts_->setText(expertsText(report));
    speed_->setText(speedText(report));
    QStringList reasons;
    for (const std::string& reason : report.decode.reasons)
        reasons << QString::fromStdString(reason);
    reasons_->setText(reasons.join(u' '));
    for (QWidget* widget : {static_cast<QWidget*>(bar_), parts_, static_cast<QWidget*>(experts_),
                            static_cast<QWidget*>(speed_), static_cast<QWidget*>(reasons_)})
        widget->show();
}

void PlanView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) bar_->update();
}

}  // namespace starglass::ui
