// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/composer.h"

#include <QApplication>
#include <QButtonGroup>
#include <QFile>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QMimeData>
#include <QPointer>
#include <QPushButton>
#include <QStringDecoder>
#include <QTextBlock>
#include <QThreadPool>
#include <QToolButton>
#include <QUrl>
#include <algorithm>

namespace starglass::ui {
namespace {

constexpr std::int64_t kMaxThinkContext = 393'216;  // protocol section 2.2
constexpr int kLinesMax = 9;

}  // namespace

ComposerEdit::ComposerEdit(QWidget* parent) : QPlainTextEdit(parent) {
    setFrameShape(QFrame::NoFrame);
    setTabChangesFocus(true);
    setPlaceholderText(tr("Ask, paste or drop text files…"));
    setAccessibleName(tr("Message"));
    setAccessibleDescription(tr("Enter sends, Shift+Enter begins a new line"));
    setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setAutoFillBackground(false);
    document()->setDocumentMargin(2);
}

void ComposerEdit::keyPressEvent(QKeyEvent* event) {
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && !(event->modifiers() & (Qt::ShiftModifier | Qt::AltModifier))) {
        emit sendPressed();
        return;
    }
    QPlainTextEdit::keyPressEvent(event);
}

bool ComposerEdit::canInsertFromMimeData(const QMimeData* source) const {
    return source->hasUrls() || QPlainTextEdit::canInsertFromMimeData(source);
}

void ComposerEdit::insertFromMimeData(const QMimeData* source) {
    bool any = false;
    for (const QUrl& url : source->urls()) {
        if (!url.isLocalFile()) continue;
        any = true;
        insertFile(url.toLocalFile());
    }
    if (!any) QPlainTextEdit::insertFromMimeData(source);
}

void ComposerEdit::insertFile(const QString& path) {
    // The disk may be slow or far away, so a helper thread reads.
    QThreadPool::globalInstance()->start([self = QPointer<ComposerEdit>(this), path] {
        const QFileInfo info(path);
        QString text, refusal;
        QFile file(path);
        if (info.size() > kFileBytesMax) {
            refusal = tr("%1 is larger than 1 MB and was not added.").arg(info.fileName());
        } else if (!file.open(QIODevice::ReadOnly)) {
            refusal = tr("%1 cannot be read: %2.").arg(info.fileName(), file.errorString());
        } else {
            const QByteArray bytes = file.read(kFileBytesMax + 1);
            QStringDecoder decode(QStringDecoder::Utf8);
            text = decode(bytes);
            if (decode.hasError() || bytes.contains('\0'))
                refusal = tr("%1 is not a text file and was not added.").arg(info.fileName());
        }
        QMetaObject::invokeMethod(
            qApp,
            [self, name = info.fileName(), text, refusal] {
                if (!self) return;
                if (!refusal.isEmpty()) {
                    emit self->fileRefused(refusal);
                    return;
                }
                // A fence longer than any inside keeps the file in one piece.
                QString fence = QStringLiteral("```");
                while (text.contains(fence)) fence += u'`';
                QTextCursor cursor = self->textCursor();
                if (!cursor.atBlockStart()) cursor.insertText(QStringLiteral("\n"));
                cursor.insertText(
                    QStringLiteral("%1:\n%2\n%3%4%2\n")
                        .arg(name, fence, text,
                             text.endsWith(u'\n') ? QString() : QStringLiteral("\n")));
                self->setTextCursor(cursor);
                self->setFocus();
            },
            Qt::QueuedConnection);
    });
}

Composer::Composer(QWidget* parent) : QFrame(parent) {
    setProperty("composer", true);
    edit_ = new ComposerEdit(this);
    edit_->setProperty("bare", true);
    edit_->setObjectName(QStringLiteral("composerEdit"));

    thinkLabel_ = new QLabel(tr("Think"), this);
    thinkLabel_->setProperty("quiet", true);
    segments_ = new QFrame(this);
    segments_->setProperty("segments", true);
    auto* row = new QHBoxLayout(segments_);
    row->setContentsMargins(2, 2, 2, 2);
    row->setSpacing(0);
    auto* group = new QButtonGroup(this);
    const QString names[] = {tr("Off"), tr("On"), tr("Max")};
    for (int i = 0; i < 3; ++i) {
        modes_[i] = new QToolButton(segments_);
        modes_[i]->setText(names[i]);
        modes_[i]->setCheckable(true);
        modes_[i]->setProperty("segment", true);
        modes_[i]->setAccessibleName(tr("Think: %1").arg(names[i]));
        group->addButton(modes_[i], i);
        row->addWidget(modes_[i]);
    }
    modes_[1]->setChecked(true);
    group->setExclusive(true);
    connect(group, &QButtonGroup::idClicked, this, [this](int id) {
        setThink(static_cast<ThinkMode>(id));
        emit thinkChanged(think_);
    });

    count_ = new QLabel(this);
    count_->setProperty("quiet", true);
    // Gives way first when the window is narrow.
    count_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    count_->setAccessibleName(tr("Tokens of the draft and context used"));
    hint_ = new QLabel(this);
    hint_->setProperty("quiet", true);
    hint_->setWordWrap(true);
    hint_->hide();
    send_ = new QPushButton(this);
    send_->setProperty("primary", true);
    send_->setObjectName(QStringLiteral("sendButton"));

    auto* bottom = new QHBoxLayout;
    bottom->setSpacing(8);
    bottom->addWidget(thinkLabel_);
    bottom->addWidget(segments_);
    bottom->addSpacing(6);
    bottom->addWidget(count_, 1);
    bottom->addWidget(send_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 10, 12, 10);
    column->setSpacing(8);
    column->addWidget(hint_);
    column->addWidget(edit_);
    column->addLayout(bottom);

    connect(edit_, &ComposerEdit::sendPressed, this, &Composer::submit);
    connect(edit_, &ComposerEdit::fileRefused, this, [this](const QString& reason) {
        hint_->setText(reason);
        hint_->show();
    });
    connect(edit_, &QPlainTextEdit::textChanged, this, [this] {
        fitHeight();
        showState();
        if (!editing_) hint_->hide();
        emit draftChanged();
    });
    connect(send_, &QPushButton::clicked, this, [this] {
        if (answering_ && text().trimmed().isEmpty())
            emit stopRequested();
        else
            submit();
    });
    setFocusProxy(edit_);
    fitHeight();
    showState();
    setCount({}, 0, 0);
}

QString Composer::text() const {
    return edit_->toPlainText();
}

void Composer::setText(const QString& text) {
    edit_->setPlainText(text);
    edit_->moveCursor(QTextCursor::End);
}

void Composer::submit() {
    const QString message = text();
    if (message.trimmed().isEmpty()) return;
    edit_->clear();
    hint_->hide();
    emit sendRequested(message);
}

void Composer::setThink(ThinkMode mode) {
    think_ = mode;
    modes_[static_cast<int>(mode)]->setChecked(true);
    showState();
}

void Composer::setContextLimit(std::int64_t tokens) {
    limit_ = tokens;
    const bool honoured = tokens >= kMaxThinkContext;
    modes_[2]->setToolTip(honoured
                              ? tr("Think at length")
                              : tr("Max needs a context of 393,216 tokens; with %1 it acts as On")
                                    .arg(QLocale().toString(static_cast<qlonglong>(tokens))));
    modes_[2]->setAccessibleDescription(modes_[2]->toolTip());
    showState();
}

void Composer::setAnswering(bool answering) {
    answering_ = answering;
    showState();
}

void Composer::setWaiting(bool loading) {
    loading_ = loading;
    showState();
}

void Composer::setEditing(bool editing) {
    editing_ = editing;
    hint_->setText(
        tr("Editing your last message. Enter sends it again in place of the old one, Esc leaves it "
           "as it was."));
    hint_->setVisible(editing);
    showState();
}

void Composer::setCount(const TokenCount& count, std::int64_t used, std::int64_t limit) {
    const QLocale locale;
    QString text = tr("%n tokens", nullptr, count.draftTokens);
    if (limit > 0) {
        const std::int64_t would = count.draftTokens > 0 ? count.promptTokens : used;
        text += QStringLiteral(" · ") +
                (count.draftTokens > 0 ? tr("would use %1 of %2") : tr("%1 of %2 used"))
                    .arg(locale.toString(static_cast<qlonglong>(would)),
                         locale.toString(static_cast<qlonglong>(limit)));
        if (think_ == ThinkMode::max && limit < kMaxThinkContext)
            text += QStringLiteral(" · ") + tr("Max acts as On here");
    }
    count_->setText(text);
}

void Composer::showState() {
    const bool empty = text().trimmed().isEmpty();
    const bool stop = answering_ && empty;
    send_->setText(stop                     ? tr("Stop  Esc")
                   : editing_               ? tr("Send again")
                   : answering_ || loading_ ? tr("Queue")
                                            : tr("Send"));
    send_->setAccessibleName(send_->text());
    send_->setEnabled(stop || !empty);
    send_->setToolTip(stop                     ? tr("Stop the answer (Esc)")
                      : answering_ || loading_ ? tr("Sends it as soon as the model is free (Enter)")
                                               : tr("Send (Enter)"));
}

void Composer::setZoom(double zoom) {
    QFont font = this->font();
    if (font.pointSizeF() > 0) font.setPointSizeF(font.pointSizeF() * 1.08 * zoom);
    edit_->setFont(font);
    fitHeight();
}

void Composer::fitHeight() {
    const double line = QFontMetricsF(edit_->font()).lineSpacing();
    // Lay-out lines, so that wrapped ones count.
    int lines = 0;
    for (QTextBlock block = edit_->document()->begin(); block.isValid() && lines < kLinesMax;
         block = block.next())
        lines += std::max(1, block.layout() ? block.layout()->lineCount() : 1);
    const int height = qRound(std::clamp(lines, 1, kLinesMax) * line +
                              2 * edit_->document()->documentMargin() + 3);
    if (edit_->height() != height || edit_->minimumHeight() != height)
        edit_->setFixedHeight(height);
}

void Composer::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::FontChange) fitHeight();
}

void Composer::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    // In a narrow window the figures go before the controls do.
    count_->setVisible(width() > 400);
    thinkLabel_->setVisible(width() > 420);
    fitHeight();
}

}  // namespace starglass::ui
