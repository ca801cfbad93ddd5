// SPDX-License-Identifier: GPL-3.0-or-later
#include "transcript/transcript_accessible.h"

#include <QAccessible>
#include <QAccessibleWidget>
#include <QHash>
#include <QPointer>

#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

class Row final : public QAccessibleInterface {
public:
    Row(TranscriptView* view, int index) : view_(view), index_(index) {}

    [[nodiscard]] bool isValid() const override { return view_ && index_ < view_->chat().size(); }
    [[nodiscard]] QObject* object() const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* childAt(int, int) const override { return nullptr; }
    [[nodiscard]] QAccessibleInterface* parent() const override {
        return QAccessible::queryAccessibleInterface(view_);
    }
    [[nodiscard]] QAccessibleInterface* child(int) const override { return nullptr; }
    [[nodiscard]] int childCount() const override { return 0; }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface*) const override { return -1; }
    [[nodiscard]] QString text(QAccessible::Text kind) const override {
        if (!isValid()) return {};
        const ChatMessage& message = view_->chat().at(index_);
        if (kind == QAccessible::Name) {
            const QString state = view_->messageState(index_);
            return view_->messageTitle(index_) +
                   (state.isEmpty() ? QString() : QStringLiteral(" (%1)").arg(state)) +
                   QStringLiteral(": ") + message.plainText(false);
        }
        if (kind == QAccessible::Value) return message.plainText(true);
        return {};
    }
    void setText(QAccessible::Text, const QString&) override {}
    [[nodiscard]] QRect rect() const override {
        if (!isValid()) return {};
        return view_->messageRect(index_).translated(view_->viewport()->mapToGlobal(QPoint(0, 0)));
    }
    [[nodiscard]] QAccessible::Role role() const override { return QAccessible::ListItem; }
    [[nodiscard]] QAccessible::State state() const override {
        QAccessible::State out;
        if (!isValid()) {
            out.invalid = true;
            return out;
        }
        out.focusable = true;
        out.readOnly = true;
        out.multiLine = true;
        out.focused = view_->hasFocus() && view_->currentMessage() == index_;
        out.busy = view_->chat().at(index_).running;
        out.offscreen = !view_->messageRect(index_).intersects(view_->viewport()->rect());
        return out;
    }

private:
    QPointer<TranscriptView> view_;
    int index_;
};

class List final : public QAccessibleWidget {
public:
    explicit List(TranscriptView* view)
        : QAccessibleWidget(view, QAccessible::List, view->accessibleName()) {}
    ~List() override { forget(); }

    [[nodiscard]] int childCount() const override { return view()->chat().size(); }
    [[nodiscard]] QAccessibleInterface* child(int index) const override {
        if (index < 0 || index >= childCount()) return nullptr;
        if (const auto known = rows_.constFind(index); known != rows_.cend())
            return QAccessible::accessibleInterface(*known);
        auto* row = new Row(view(), index);
        rows_.insert(index, QAccessible::registerAccessibleInterface(row));
        return row;
    }
    [[nodiscard]] int indexOfChild(const QAccessibleInterface* child) const override {
        for (auto it = rows_.cbegin(); it != rows_.cend(); ++it)
            if (QAccessible::accessibleInterface(*it) == child) return it.key();
        return -1;
    }
    [[nodiscard]] QAccessibleInterface* childAt(int x, int y) const override {
        const QPoint local = view()->viewport()->mapFromGlobal(QPoint(x, y));
        for (int i = 0; i < childCount(); ++i)
            if (view()->messageRect(i).contains(local)) return child(i);
        return nullptr;
    }
    [[nodiscard]] QAccessibleInterface* focusChild() const override {
        return view()->hasFocus() ? child(view()->currentMessage()) : nullptr;
    }
    void forget() {
        for (const QAccessible::Id id : std::as_const(rows_))
            QAccessible::deleteAccessibleInterface(id);
        rows_.clear();
    }

private:
    [[nodiscard]] TranscriptView* view() const { return static_cast<TranscriptView*>(widget()); }
    mutable QHash<int, QAccessible::Id> rows_;
};

QAccessibleInterface* make(const QString&, QObject* object) {
    auto* view = qobject_cast<TranscriptView*>(object);
    return view ? new List(view) : nullptr;
}

}  // namespace

void installTranscriptAccessibility() {
    static const bool once = [] {
        QAccessible::installFactory(make);
        return true;
    }();
    (void)once;
}

void forgetTranscriptRows(TranscriptView* view) {
    if (!QAccessible::isActive()) return;
    if (auto* list = dynamic_cast<List*>(QAccessible::queryAccessibleInterface(view)))
        list->forget();
}

void focusTranscriptRow(TranscriptView* view, int row) {
    if (!QAccessible::isActive()) return;
    QAccessibleEvent event(view, QAccessible::Focus);
    event.setChild(row);
    QAccessible::updateAccessibility(&event);
}

}  // namespace starglass::ui
