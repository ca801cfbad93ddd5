// SPDX-License-Identifier: GPL-3.0-or-later
//
// The conversation as one scrolling column. Messages are cut into blocks that are laid out once;
// while a reply streams only its open tail is laid out again, at most twenty times a second. The
// scroll bar is exact because every block's height is known. UI thread; the Chat outlives it.
#pragma once

#include <QAbstractScrollArea>
#include <QElapsedTimer>
#include <QTimer>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "bridge/chat.h"
#include "transcript/block.h"

namespace starglass::ui {

class TranscriptView : public QAbstractScrollArea {
    Q_OBJECT
public:
    static constexpr int kProseCharactersMax = 78;
    static constexpr int kLayoutIntervalMs = 50;

    TranscriptView(Chat& chat, EngineBridge& bridge, QWidget* parent = nullptr);
    ~TranscriptView() override;

    void setZoom(double zoom);
    [[nodiscard]] double zoom() const { return zoom_; }
    // Thinking left, answer right.
    void setSideBySide(bool beside);
    [[nodiscard]] bool sideBySide() const { return beside_; }
    void foldAllThinking(bool folded);

    [[nodiscard]] bool hasSelection() const;
    [[nodiscard]] QString selectedText() const;
    void copySelection();
    void selectAll();
    void copyMessage(int index);
    // The whole conversation, thinking included.
    [[nodiscard]] QString plainText() const;

    // The message that keyboard commands mean; -1 for none.
    [[nodiscard]] int currentMessage() const { return current_; }
    void moveCurrent(int step);
    void scrollToEnd();
    [[nodiscard]] bool followsEnd() const { return follow_; }

    [[nodiscard]] bool partFolded(int message, int part) const;
    void togglePart(int message, int part);
    // In viewport coordinates; empty when it does not exist.
    [[nodiscard]] QRect messageRect(int message) const;
    [[nodiscard]] QRect partRect(int message, int part) const;
    [[nodiscard]] QString messageTitle(int message) const;
    // "version 2 of 3, interrupted"; empty when there is nothing to add to the title.
    [[nodiscard]] QString messageState(int message) const;
    // For the context menu, which makes its message the current one; null is a separator.
    void setMessageActions(const QList<QAction*>& actions) { messageActions_ = actions; }
    [[nodiscard]] const Chat& chat() const { return chat_; }
    // Left edge and width of the column, for what should line up with it.
    [[nodiscard]] double columnWidth() const;
    [[nodiscard]] double proseWidth() const;
    // Draws what has arrived without waiting for its turn.
    void layoutNow() { refresh(); }
    // How often any block was written and laid out: tests hold it down.
    [[nodiscard]] qint64 blocksLaidOut() const { return blocksLaidOut_; }
    void selectToken(qint64 message, int token);

signals:
    void editRequested(qint64 message);
    void retryRequested();
    void continueRequested();
    void branchRequested(int message, int step);
    void earlierRequested();
    void selectionChanged();
    void currentMessageChanged();
    void columnChanged();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void changeEvent(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool viewportEvent(QEvent* event) override;

private:
    struct Part {
        ChatPart::Kind kind = ChatPart::Kind::answer;
        bool user = false;
        std::vector<std::unique_ptr<Block>> blocks;
        bool closed = false;  // all blocks are final
        bool folded = false;
        bool touched = false;  // the user chose; do not fold or unfold any more
        bool detailsOpen = false;
        QString title;                               // thinking
        double x = 0, y = 0, width = 0, height = 0;  // within the message
        double head = 0;                             // height of the title line
    };
    struct Spot {
        enum class Kind {
            fold,
            showAll,
            copyCode,
            copyMessage,
            edit,
            retry,
            copyDetails,
            details,
            branchBack,
            branchForward,
            goOn,
            earlier
        };
        Kind kind;
        QRectF rect;  // within the message
        int part = -1;
        int block = -1;
        QString label;  // painted when not empty
    };
    struct Item {
        qint64 id = 0;
        double y = 0;
        double height = 0;
        double bodyTop = 0;
        double foot = 0;       // y of the line below the parts
        double note = 0;       // y of the sentence below that
        double headRight = 0;  // where the head line's own labels begin
        std::vector<Part> parts;
        std::vector<Spot> spots;
        bool showAll = false;
    };
    struct Place {
        int item = -1, part = 0, block = 0, position = 0;
        auto operator<=>(const Place&) const = default;
    };

    void onInserted(int index);
    void onLoaded(int first, int count);
    void onRemoved(int first, int count);
    void onTextAdded(int index);
    void refresh();
    void rebuildAll();
    void touch(int index);

    void syncItem(int index);
    void syncPart(Item& item, int index, const ChatMessage& message);
    void syncText(Part& part, QByteArrayView text, bool final);
    void syncNotice(Part& part, const ChatPart& source);
    void layoutItem(int index);
    void layoutPart(Part& part);
    void placeItems(int from);
    void updateScrollBar();
    void keepingPlace(const std::function<void()>& change);

    [[nodiscard]] ProseStyle style(bool quiet) const;
    void updateFonts();
    [[nodiscard]] double columnLeft() const;
    [[nodiscard]] double top() const;
    [[nodiscard]] int itemAt(double y) const;
    [[nodiscard]] Place placeAt(QPointF content, bool* exact = nullptr) const;
    [[nodiscard]] const Spot* spotAt(QPointF content, int* item) const;
    [[nodiscard]] QPointF toContent(QPoint viewport) const;
    [[nodiscard]] Block::Selection selectionIn(int item, int part, int block) const;
    void activate(int item, const Spot& spot);
    void clickToken(const Place& place);
    void paintItem(QPainter& painter, int index, const QRectF& clip);
    [[nodiscard]] QString footText(const ChatMessage& message) const;
    [[nodiscard]] QString branchText(const ChatMessage& message) const;
    void setSelection(const Place& anchor, const Place& cursor);
    void announce(int index);

    Chat& chat_;
    EngineBridge& bridge_;
    std::deque<Item> items_;
    std::set<qint64> dirty_;
    QTimer layoutTimer_;
    QTimer dragTimer_;
    QElapsedTimer sinceLayout_;
    double zoom_ = 1.0;
    bool beside_ = false;
    bool follow_ = true;
    bool settingScroll_ = false;
    double total_ = 0;
    int current_ = -1;
    Place anchor_, cursor_;
    bool dragging_ = false;
    bool moved_ = false;
    QPoint lastMouse_;
    qint64 tokenMessage_ = 0;
    int token_ = -1;
    QString prefill_;
    QList<QAction*> messageActions_;
    bool askedEarlier_ = false;
    QFont prose_, code_, small_;
    double em_ = 16;
    Theme theme_;
    qint64 blocksLaidOut_ = 0;
};

}  // namespace starglass::ui
