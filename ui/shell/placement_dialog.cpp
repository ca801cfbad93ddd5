// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/placement_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QStandardItemModel>
#include <QVBoxLayout>
#include <algorithm>

#include "bridge/error_text.h"
#include "shell/notice.h"
#include "shell/placement_text.h"

namespace starglass::ui {
namespace {

constexpr int kKind = Qt::UserRole;
constexpr int kDevice = Qt::UserRole + 1;  // what EngineOptions::device takes
constexpr int kIndex = Qt::UserRole + 2;   // into DeviceList::devices()
constexpr int kWidth = 560;

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

PlacementDialog::PlacementDialog(DeviceList& devices, QWidget* parent)
    : QDialog(parent),
      devices_(devices),
      model_(wrapped(QStringLiteral("model"))),
      place_(wrapped(QStringLiteral("place"))),
      memory_(wrapped(QStringLiteral("memory"))),
      reason_(wrapped(QStringLiteral("reason"))),
      where_(new QComboBox),
      about_(wrapped(QStringLiteral("about"), true)),
      layers_(new QSpinBox) {
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
    memory_->setText(memory);
    reason_->setText(placement.reason.empty() ? none : asSentence(placement.reason));
    describe();
}

void PlacementDialog::setChoice(const PlacementChoice& choice) {
    applied_ = choice;
    layers_->setValue(choice.gpuLayers);
    fill();
}

PlacementChoice PlacementDialog::choice() const {
    PlacementChoice out;
    out.backend = static_cast<BackendKind>(where_->currentData(kKind).toInt());
    out.device = where_->currentData(kDevice).toString();
    out.gpuLayers = out.backend == BackendKind::cpu ? applied_.gpuLayers : layers_->value();
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
    apply_->setEnabled(!(now == applied_));
}

}  // namespace starglass::ui
