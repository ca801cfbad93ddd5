// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the model runs, and the choice of another place. Stays open beside the window. UI thread.
#pragma once

#include <QDialog>
#include <QTimer>

#include "bridge/device_list.h"
#include "bridge/plan_service.h"
#include "bridge/types.h"

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace starglass::ui {

class PlanView;

// What the user may choose of EngineOptions.
struct PlacementChoice {
    BackendKind backend = BackendKind::automatic;
    QString device;      // for vulkan: its name, or its number where two have one name
    int gpuLayers = -1;  // -1: as many as fit
    std::int64_t memoryBytes = kMemoryAutomatic;  // as EngineOptions::memory_bytes
    bool operator==(const PlacementChoice&) const = default;
};

class PlacementDialog : public QDialog {
    Q_OBJECT
public:
    PlacementDialog(DeviceList& devices, PlanService& plans, QWidget* parent = nullptr);

    // `model` may be null: nothing is open.
    void setModel(const ModelInfoPtr& model, const PlacementSummary& placement);
    void setChoice(const PlacementChoice& choice);
    [[nodiscard]] PlacementChoice choice() const;

    // The file that plans are for, and how it would be opened but for the choice; an empty path:
    // none is.
    void setPlanned(const QString& path, const EngineOptions& options);

signals:
    void chosen(const PlacementChoice& choice);

private:
    void fill();
    void describe();
    void planSoon();
    void plan();
    void showPlan();

    DeviceList& devices_;
    PlanService& plans_;
    QString planned_;
    EngineOptions options_;
    QTimer planTimer_;
    PlacementChoice applied_;
    PlacementSummary placement_;
    QLabel* model_;
    QLabel* place_;
    QLabel* memory_;
    QLabel* reason_;
    QComboBox* where_;
    QLabel* about_;
    QSpinBox* layers_;
    QComboBox* ceiling_;
    QDoubleSpinBox* gigabytes_;
    PlanView* plan_;
    QPushButton* apply_;
};

}  // namespace starglass::ui
