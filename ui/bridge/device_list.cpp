// SPDX-License-Identifier: GPL-3.0-or-later
#include "bridge/device_list.h"

#include <QThread>

#include "bridge/error_text.h"
#include "bridge/guarded.h"

namespace starglass::ui {

DeviceList::DeviceList(Lister lister, QObject* parent)
    : QObject(parent), lister_(std::move(lister)) {
}

DeviceList::~DeviceList() {
    if (thread_) thread_->wait();
}

void DeviceList::refresh() {
    if (thread_ || !lister_) return;
    auto found = std::make_shared<Result<std::vector<DeviceDescription>>>();
    thread_.reset(QThread::create([found, lister = lister_] { *found = guarded(lister); }));
    thread_->setObjectName(QStringLiteral("devices"));
    connect(thread_.get(), &QThread::finished, this, [this, found] {
        thread_->wait();
        thread_.release()->deleteLater();
        devices_ = *found ? std::move(**found) : std::vector<DeviceDescription>();
        problem_ = *found ? QString() : asSentence(found->error().message);
        emit changed();
    });
    thread_->start();
}

}  // namespace starglass::ui
