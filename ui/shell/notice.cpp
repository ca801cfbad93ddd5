// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/notice.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

namespace starglass::ui {
namespace {

QString stageText(LoadProgress::Stage stage) {
    switch (stage) {
        case LoadProgress::Stage::open:
            return Notice::tr("opening the file");
        case LoadProgress::Stage::metadata:
            return Notice::tr("reading the metadata");
        case LoadProgress::Stage::tensors:
            return Notice::tr("checking the tensors");
        case LoadProgress::Stage::tokenizer:
            return Notice::tr("building the tokenizer");
        case LoadProgress::Stage::weights:
            return Notice::tr("binding the weights");
        case LoadProgress::Stage::ready:
            return Notice::tr("ready");
    }
    return {};
}

}  // namespace

QString bytesText(double bytes) {
    const char* const units[] = {QT_TRANSLATE_NOOP("Bytes", "B"), QT_TRANSLATE_NOOP("Bytes", "kB"),
                                 QT_TRANSLATE_NOOP("Bytes", "MB"), QT_TRANSLATE_NOOP("Bytes", "GB"),
                                 QT_TRANSLATE_NOOP("Bytes", "TB")};
    int unit = 0;
    while (bytes >= 1000 && unit < 4) bytes /= 1000, ++unit;
    return QLocale().toString(bytes, 'f', unit == 0 || bytes >= 100 ? 0 : 1) + u' ' +
           QApplication::translate("Bytes", units[unit]);
}

Notice::Notice(QWidget* parent) : QFrame(parent) {
    setProperty("notice", true);
    setAccessibleName(tr("Notice"));
    text_ = new QLabel(this);
    text_->setWordWrap(true);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    text_->setTextFormat(Qt::PlainText);
    bar_ = new QProgressBar(this);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Load progress"));
    cancel_ = new QPushButton(tr("Cancel"), this);
    cancel_->setObjectName(QStringLiteral("cancelLoad"));
    cpu_ = new QPushButton(tr("Run on the CPU"), this);
    cpu_->setObjectName(QStringLiteral("runOnCpu"));
    fewer_ = new QPushButton(tr("Keep fewer layers on the GPU"), this);
    fewer_->setObjectName(QStringLiteral("fewerLayers"));
    open_ = new QPushButton(tr("Open model…"), this);
    copy_ = new QPushButton(tr("Copy details"), this);
    close_ = new QPushButton(tr("Close"), this);
    auto* column = new QVBoxLayout;
    column->setSpacing(6);
    column->addWidget(text_);
    column->addWidget(bar_);
    // Under the text, which would be left no room beside so many.
    auto* offers = new QHBoxLayout;
    offers->setSpacing(6);
    offers->addWidget(cpu_);
    offers->addWidget(fewer_);
    offers->addStretch();
    column->addLayout(offers);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(16, 8, 12, 8);
    row->addLayout(column, 1);
    for (QPushButton* button : {cancel_, open_, copy_, close_}) row->addWidget(button);
    connect(cpu_, &QPushButton::clicked, this, &Notice::cpuRequested);
    connect(fewer_, &QPushButton::clicked, this, &Notice::fewerLayersRequested);
    connect(cancel_, &QPushButton::clicked, this, &Notice::cancelRequested);
    connect(open_, &QPushButton::clicked, this, &Notice::openRequested);
    connect(copy_, &QPushButton::clicked, this, [this] {
        QApplication::clipboard()->setText(error_.sentence() + u'\n' + error_.details);
    });
    connect(close_, &QPushButton::clicked, this, &QWidget::hide);
    hide();
}

void Notice::showLoading(const QString& name) {
    name_ = name;
    bar_->setRange(0, 0);
    bar_->show();
    cancel_->show();
    for (QPushButton* button : {cpu_, fewer_, open_, copy_, close_}) button->hide();
    text_->setText(tr("Opening %1…").arg(name));
    show();
}

void Notice::showProgress(const LoadProgress& progress) {
    QString text = tr("Opening %1: %2").arg(name_, stageText(progress.stage));
    if (progress.bytes_total > 0) {
        text +=
            QStringLiteral(" · ") + tr("%1 of %2")
                                        .arg(bytesText(static_cast<double>(progress.bytes_done)),
                                             bytesText(static_cast<double>(progress.bytes_total)));
        bar_->setRange(0, 1000);
        bar_->setValue(static_cast<int>(1000.0 * static_cast<double>(progress.bytes_done) /
                                        static_cast<double>(progress.bytes_total)));
    } else {
        // Six stages; without bytes the stage itself is the measure.
        bar_->setRange(0, 5);
        bar_->setValue(static_cast<int>(progress.stage));
    }
    text_->setText(text);
}

void Notice::showError(const UserError& error, bool modelWanted, bool fewerPossible) {
    error_ = error;
    bar_->hide();
    cancel_->hide();
    cpu_->setVisible(error.device);
    fewer_->setVisible(error.device && fewerPossible);
    open_->setVisible(modelWanted && !error.device);
    copy_->setVisible(!error.details.isEmpty());
    close_->show();
    text_->setText(error.sentence());
    show();
}

QString Notice::text() const {
    return text_->text();
}

}  // namespace starglass::ui
