// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/placement_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QStandardItemModel>
#include <QVBoxLayout>
#include <algorithm>

#include "bridge/error_text.h"
#include "shell/notice.h"
#include "shell/placement_text.h"
#include "shell/plan_view.h"

namespace starglass::ui {
namespace {

constexpr int kKind = Qt::UserRole;
constexpr int kDevice = Qt::UserRole + 1;  // what EngineOptions::device takes
constexpr int kIndex = Qt::UserRole + 2;   // into DeviceList::devices()
constexpr int kWidth = 600;
// Somebody who turns a number wants the plan of the last one.
constexpr int kPlanDelayMs = 350;
constexpr double kGigabyte = 1e9;
// Rows of the choice of a ceiling.
enum CeilingRow { kAutomaticRow, kSizeRow, kMappedRow };

QLabel* wrapped(const QString& name, bool quiet = false) {
    auto* label = new QLabel;
    label->setObjectName(name);
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    if (quiet) label->setProperty("quiet", true);
    return label;
}

}  // namespace

PlacementDialog::PlacementDialog(DeviceList& devices, PlanService& plans, QWidget* parent)
    : QDialog(parent),
      devices_(devices),
      plans_(plans),
      model_(wrapped(QStringLiteral("model"))),
      place_(wrapped(QStringLiteral("place"))),
      memory_(wrapped(QStringLiteral("memory"))),
      reason_(wrapped(QStringLiteral("reason"))),
      where_(new QComboBox),
      about_(wrapped(QStringLiteral("about"), true)),
      layers_(new QSpinBox),
      ceiling_(new QComboBox),
      gigabytes_(new QDoubleSpinBox),
      plan_(new PlanView) {
    setWindowTitle(tr("Where the model runs"));
    setObjectName(QStringLiteral("placement"));
    setMinimumWidth(kWidth);
    where_->setObjectName(QStringLiteral("where"));
    where_->setAccessibleName(tr("Run the model on"));
    where_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    where_->setMinimumContentsLength(34);
    layers_->setObjectName(QStringLiteral("layers"));
    layers_->setAccessibleName(tr("Layers whose experts go to the graphics processor"));
    layers_->setRange(-1, 1000);
    layers_->setSpecialValueText(tr("as many as fit"));
    layers_->setValue(-1);
    layers_->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);

    about_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(18);
    form->setVerticalSpacing(8);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->addRow(tr("Model"), model_);
    form->addRow(tr("Runs on"), place_);
    form->addRow(tr("Memory"), memory_);
    form->addRow(tr("Why"), reason_);
    form->addRow(tr("Run it on"), where_);
    form->addRow(QString(), about_);
    form->addRow(tr("Expert layers there"), layers_);
    ceiling_->setObjectName(QStringLiteral("ceiling"));
    ceiling_->setAccessibleName(tr("Memory the program may keep"));
    ceiling_->addItems(
        {tr("Automatic, by what is free"), tr("No more than"), tr("All of the file, mapped")});
    gigabytes_->setObjectName(QStringLiteral("gigabytes"));
    gigabytes_->setAccessibleName(tr("Gigabytes of memory the program may keep"));
    gigabytes_->setRange(0.1, 100'000);
    gigabytes_->setDecimals(1);
    gigabytes_->setSuffix(tr(" GB"));
    gigabytes_->setValue(16);
    auto* keep = new QHBoxLayout;
    keep->setSpacing(8);
    keep->addWidget(ceiling_);
    keep->addWidget(gigabytes_);
    keep->addStretch();
    form->addRow(tr("Keep in memory"), keep);
    form->addRow(tr("Plan"), plan_);
    plan_->setObjectName(QStringLiteral("plan"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    apply_ = buttons->addButton(tr("Open again this way"), QDialogButtonBox::ApplyRole);
    apply_->setObjectName(QStringLiteral("apply"));
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(apply_, &QPushButton::clicked, this, [this] {
        applied_ = choice();
        describe();
        emit chosen(applied_);
    });
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(20, 18, 20, 16);
    column->setSpacing(16);
    column->addLayout(form);
    column->addStretch();
    column->addWidget(buttons);
    connect(where_, qOverload<int>(&QComboBox::currentIndexChanged), this,
            &PlacementDialog::describe);
    connect(layers_, qOverload<int>(&QSpinBox::valueChanged), this, &PlacementDialog::describe);
    connect(ceiling_, qOverload<int>(&QComboBox::currentIndexChanged), this,
            &PlacementDialog::describe);
    connect(gigabytes_, qOverload<double>(&QDoubleSpinBox::valueChanged), this,
            &PlacementDialog::describe);
    planTimer_.setSingleShot(true);
    connect(&planTimer_, &QTimer::timeout, this, &PlacementDialog::plan);
    connect(&plans_, &PlanService::changed, this, &PlacementDialog::showPlan);
    connect(&devices_, &DeviceList::changed, this, &PlacementDialog::fill);
    setModel({}, {});
    fill();
}

void PlacementDialog::setModel(const ModelInfoPtr& model, const PlacementSummary& placement) {
    placement_ = placement;
    const QString none = QStringLiteral("–");
    model_->setText(model ? QString::fromStdString(model->name) : tr("No model is open."));
    place_->setText(model ? placeText(placement) : none);
    QString memory = none;
    if (model && placement.backend == BackendKind::vulkan) {
        memory = tr("%1 on the device").arg(bytesText(static_cast<double>(placement.device_bytes)));
        if (placement.host_bytes > 0)
            memory += tr(", %1 of experts stay with the CPU")
                          .arg(bytesText(static_cast<double>(placement.host_bytes)));
    } else if (model) {
        memory = tr("%1 of weights in the file, read as they are needed")
                     .arg(bytesText(static_cast<double>(model->file_bytes)));
    }
    if (const QString ceiling = ceilingText(placement); model && !ceiling.isEmpty()) {
        if (placement.backend != BackendKind::vulkan) memory.clear();
        memory +=
            memory.isEmpty() ? asSentence(ceiling.toStdString()) : QStringLiteral("; ") + ceiling;
    }
    memory_->setText(memory);
    reason_->setText(placement.reason.empty() ? none : asSentence(placement.reason));
    describe();
}

void PlacementDialog::setChoice(const PlacementChoice& choice) {
    applied_ = choice;
    layers_->setValue(choice.gpuLayers);
    if (choice.memoryBytes > 0)
        gigabytes_->setValue(static_cast<double>(choice.memoryBytes) / kGigabyte);
    ceiling_->setCurrentIndex(choice.memoryBytes > 0                ? kSizeRow
                              : choice.memoryBytes == kMemoryMapped ? kMappedRow
                                                                    : kAutomaticRow);
    fill();
}

PlacementChoice PlacementDialog::choice() const {
    PlacementChoice out;
    out.backend = static_cast<BackendKind>(where_->currentData(kKind).toInt());
    out.device = where_->currentData(kDevice).toString();
    out.gpuLayers = out.backend == BackendKind::cpu ? applied_.gpuLayers : layers_->value();
    switch (ceiling_->currentIndex()) {
        case kSizeRow:
            out.memoryBytes = qRound64(gigabytes_->value() * 10) * 100'000'000;
            // What was chosen more finely elsewhere and is shown as the same number stays.
            if (applied_.memoryBytes > 0 &&
                std::abs(out.memoryBytes - applied_.memoryBytes) < 50'000'000)
                out.memoryBytes = applied_.memoryBytes;
            break;
        case kMappedRow:
            out.memoryBytes = kMemoryMapped;
            break;
        default:
            out.memoryBytes = kMemoryAutomatic;
    }
    return out;
}

void PlacementDialog::fill() {
    const QSignalBlocker quiet(where_);
    where_->clear();
    const auto add = [&](const QString& text, BackendKind kind, const QString& device, int index) {
        where_->addItem(text);
        const int row = where_->count() - 1;
        where_->setItemData(row, static_cast<int>(kind), kKind);
        where_->setItemData(row, device, kDevice);
        where_->setItemData(row, index, kIndex);
        if (applied_.backend == kind && (kind != BackendKind::vulkan || applied_.device == device))
            where_->setCurrentIndex(row);
    };
    add(tr("Automatic"), BackendKind::automatic, {}, -1);
    add(tr("The CPU"), BackendKind::cpu, {}, -1);
    const auto& devices = devices_.devices();
    for (std::size_t i = 0; i < devices.size(); ++i) {
        const bool twice = std::count_if(devices.begin(), devices.end(), [&](const auto& other) {
                               return other.name == devices[i].name;
                           }) > 1;
        const QString name = QString::fromStdString(devices[i].name);
        add(twice ? tr("%1 (number %2)").arg(name).arg(devices[i].index) : name,
            BackendKind::vulkan, twice ? QString::number(devices[i].index) : name,
            static_cast<int>(i));
        if (devices[i].unusable.empty()) continue;
        if (auto* items = qobject_cast<QStandardItemModel*>(where_->model()))
            items->item(where_->count() - 1)->setEnabled(false);
    }
    // A device that was chosen and is not there, or not known yet.
    if (applied_.backend == BackendKind::vulkan && choice().backend != BackendKind::vulkan) {
        add(applied_.device, BackendKind::vulkan, applied_.device, -1);
    }
    describe();
}

void PlacementDialog::describe() {
    const PlacementChoice now = choice();
    const int index = where_->currentData(kIndex).toInt();
    QString text;
    if (now.backend == BackendKind::automatic) {
        text =
            tr("A graphics processor where there is one and it promises to be faster, by what "
               "both were measured to read in a second; else the CPU.");
        if (!devices_.problem().isEmpty()) text += u' ' + devices_.problem();
        if (devices_.waiting()) text += u' ' + tr("Looking for graphics processors…");
    } else if (now.backend == BackendKind::cpu) {
        text = tr("No graphics processor is used.");
    } else if (index >= 0 && index < static_cast<int>(devices_.devices().size())) {
        text = deviceText(devices_.devices()[static_cast<std::size_t>(index)]);
    } else {
        text = devices_.waiting() ? tr("Looking for graphics processors…")
                                  : tr("This device is not there now.");
    }
    about_->setText(text);
    layers_->setEnabled(now.backend != BackendKind::cpu);
    gigabytes_->setEnabled(ceiling_->currentIndex() == kSizeRow);
    apply_->setEnabled(!(now == applied_));
    planSoon();
}

void PlacementDialog::setPlanned(const QString& path, const EngineOptions& options) {
    planned_ = path;
    options_ = options;
    planSoon();
}

void PlacementDialog::planSoon() {
    if (planned_.isEmpty() || !plans_.canPlan()) {
        plan_->setMessage(planned_.isEmpty()
                              ? tr("The built-in model is small and wholly in memory.")
                              : QString());
        return;
    }
    plan_->setMessage(tr("Measuring memory and disk…"));
    planTimer_.start(kPlanDelayMs);
}

void PlacementDialog::plan() {
    if (!isVisible() || planned_.isEmpty()) return;
    const PlacementChoice now = choice();
    options_.backend = now.backend;
    options_.device = now.device.toStdString();
    options_.device_expert_layers = now.gpuLayers;
    options_.memory_bytes = now.memoryBytes;
    plans_.ask(planned_, options_);
}

void PlacementDialog::showPlan() {
    if (planTimer_.isActive() || plans_.waiting() || planned_.isEmpty()) return;
    if (plans_.report())
        plan_->setReport(*plans_.report());
    else
        plan_->setMessage(plans_.problem());
}

}  // namespace starglass::ui
