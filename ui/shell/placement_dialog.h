// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the model runs, and the choice of another place. Stays open beside the window. UI thread.
#pragma once

#include <QDialog>

#include "bridge/device_list.h"
#include "bridge/types.h"

class QComboBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace starglass::ui {

// What the user may choose of EngineOptions.
struct PlacementChoice {
    BackendKind backend = BackendKind::automatic;
    QString device;      // for vulkan: its name, or its number where two have one name
    int gpuLayers = -1;  // -1: as many as fit
    bool operator==(const PlacementChoice&) const = default;
};

class PlacementDialog : public QDialog {
    Q_OBJECT
public:
    explicit PlacementDialog(DeviceList& devices, QWidget* parent = nullptr);

    // `model` may be null: nothing is open.
    void setModel(const ModelInfoPtr& model, const PlacementSummary& placement);
    void setChoice(const PlacementChoice& choice);
    [[nodiscard]] PlacementChoice choice() const;

signals:
    void chosen(const PlacementChoice& choice);

private:
    void fill();
    void describe();

    DeviceList& devices_;
    PlacementChoice applied_;
    PlacementSummary placement_;
    QLabel* model_;
    QLabel* place_;
    QLabel* memory_;
    QLabel* reason_;
    QComboBox* where_;
    QLabel* about_;
    QSpinBox* layers_;
    QPushButton* apply_;
};

}  // namespace starglass::ui
