// SPDX-License-Identifier: GPL-3.0-or-later
//
// The graphics processors of this machine, asked for on a thread of its own: a driver may take its
// time, and the engine's thread may be busy for minutes. UI thread.
#pragma once

#include <QObject>
#include <QString>
#include <functional>
#include <memory>
#include <vector>

#include "engine/devices.h"

class QThread;

namespace starglass::ui {

class DeviceList : public QObject {
    Q_OBJECT
public:
    using Lister = std::function<Result<std::vector<DeviceDescription>>()>;

    // Without a lister there are no devices, and no problem either.
    explicit DeviceList(Lister lister, QObject* parent = nullptr);
    ~DeviceList() override;

    // Asks in the background; changed() tells. Does nothing while an answer is awaited.
    void refresh();
    [[nodiscard]] bool waiting() const { return thread_ != nullptr; }
    [[nodiscard]] const std::vector<DeviceDescription>& devices() const { return devices_; }
    // Why there are none, a sentence; empty when that is not known or not so.
    [[nodiscard]] const QString& problem() const { return problem_; }

signals:
    void changed();

private:
    Lister lister_;
    std::unique_ptr<QThread> thread_;
    std::vector<DeviceDescription> devices_;
    QString problem_;
};

}  // namespace starglass::ui
