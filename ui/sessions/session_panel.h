// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sessions beside the transcript: search field, tags, list, and what an empty list says. Knows
// no library: it shows rows and says what is wanted. UI thread.
#pragma once

#include <QWidget>

#include "library/library_types.h"
#include "sessions/session_model.h"

class QLabel;
class QLineEdit;
class QListView;
class QMenu;
class QStackedWidget;
class QTimer;
class QToolButton;

namespace starglass::ui {

class SessionPanel : public QWidget {
    Q_OBJECT
public:
    explicit SessionPanel(QWidget* parent = nullptr);

    [[nodiscard]] SessionModel& model() { return *model_; }
    [[nodiscard]] QListView& view() { return *list_; }
    [[nodiscard]] QLineEdit& searchField() { return *search_; }
    void setListed(const SessionRows& rows);
    void setRow(const SessionRow& row);
    void removeRow(qint64 session);
    void setFound(const QString& query, const SearchHits& hits);
    // The session on screen.
    void setCurrent(qint64 session);
    // The row that keyboard commands mean: the selected one; 0 for none.
    [[nodiscard]] qint64 selected() const;
    void setPrices(const PriceBook& prices) { model_->setPrices(prices); }
    void setZoom(double zoom);
    void focusSearch();
    void rename(qint64 session);
    [[nodiscard]] QString emptyText() const;
    // The actions of a row's context menu, in order; null is a separator.
    void setRowActions(const QList<QAction*>& actions) { rowActions_ = actions; }

signals:
    void openRequested(qint64 session);
    void renamed(qint64 session, const QString& title);
    void searchRequested(const QString& query);
    void newRequested();
    // Before the context menu of a row is shown, so that its actions can say their prices.
    void menuAboutToShow(qint64 session);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void showMenu(const QPoint& position);
    void fillTags();
    void updateEmpty();
    void fitFonts();

    SessionModel* model_;
    QLineEdit* search_;
    QToolButton* tags_;
    QListView* list_;
    QStackedWidget* pages_;
    QLabel* empty_;
    QTimer* typing_;
    QList<QAction*> rowActions_;
    qint64 current_ = 0;
    double zoom_ = 1.0;
    bool listed_ = false;
};

}  // namespace starglass::ui
