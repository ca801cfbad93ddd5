// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window: menus, transcript, composer, status line, and a dock for the inspector. Holds the
// bridge and the chat; all that happens in it goes through them. UI thread.
#pragma once

#include <QHash>
#include <QMainWindow>
#include <functional>

#include "bridge/cache_service.h"
#include "bridge/chat.h"
#include "bridge/engine_bridge.h"
#include "theme/theme.h"

class QDockWidget;
class QLabel;
class QStackedWidget;

namespace starglass::ui {

class Composer;
class Notice;
class StatusStrip;
class TranscriptView;
class Welcome;

struct WindowOptions {
    EngineOpeners openers;
    EngineOptions engine;
    bool remember = true;  // read and write preferences and geometry; tests do not
};

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    explicit MainWindow(WindowOptions options, QWidget* parent = nullptr);
    ~MainWindow() override;

    void openModel(const QString& path);
    void openBuiltin();
    void setTheme(ThemeChoice choice);
    // Sends `text` as if it had been typed.
    void ask(const QString& text);

    [[nodiscard]] EngineBridge& bridge() { return *bridge_; }
    [[nodiscard]] CacheService& cache() { return *cache_; }
    [[nodiscard]] Chat& chat() { return *chat_; }
    [[nodiscard]] TranscriptView& transcript() { return *transcript_; }
    [[nodiscard]] Composer& composer() { return *composer_; }
    [[nodiscard]] StatusStrip& status() { return *status_; }
    [[nodiscard]] Notice& notice() { return *notice_; }
    // By the name given in the source, e.g. "regenerate". Null for an unknown name.
    [[nodiscard]] QAction* action(const QString& name) const { return actions_.value(name); }

    // The panel on the right. The window owns it.
    void setInspector(QWidget* panel);
    [[nodiscard]] QDockWidget* inspectorDock() const { return dock_; }

signals:
    void zoomChanged(double zoom);
    void cacheWanted();  // the inspector is open; its Cache tab is asked for

protected:
    void closeEvent(QCloseEvent* event) override;
    void changeEvent(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildMenus();
    void buildCentral();
    void connectEngine();
    QAction* add(QMenu* menu, const QString& name, const QString& text, const QKeySequence& keys,
                 std::function<void()> what);
    void chooseModel();
    void attachFile();
    void send(const QString& text);
    void stopOrCancel();
    void editLast();
    void endEditing();
    void setZoom(double zoom);
    void setThink(ThinkMode mode);
    void nextPane(int step);
    void showPlainText();
    void showShortcuts();
    void showAgents();
    void showAbout();
    void countSoon();
    void updateState();
    void updateStatus();
    void updateCache();
    void applyStyle();
    void alignComposer();
    void loadPreferences();
    void savePreferences();

    WindowOptions options_;
    EngineBridge* bridge_;
    Chat* chat_;
    CacheService* cache_;  // made after the bridge, so that the bridge saves before it goes
    TranscriptView* transcript_ = nullptr;
    Composer* composer_ = nullptr;
    StatusStrip* status_ = nullptr;
    Notice* notice_ = nullptr;
    Welcome* welcome_ = nullptr;
    QStackedWidget* pages_ = nullptr;
    QWidget* composerRow_ = nullptr;
    QLabel* marker_ = nullptr;
    QDockWidget* dock_ = nullptr;
    QHash<QString, QAction*> actions_;
    QList<QAction*> order_;
    QTimer* countTimer_;
    TokenCount count_;
    double zoom_ = 1.0;
    double lastRate_ = 0;
    double prefillSeconds_ = 0;
    int prefillPercent_ = -1;
    bool cachePaused_ = false;
    bool toolsChosen_ = false;  // the user decided; a new model does not change it
    qint64 editing_ = 0;        // message being edited
    QString keptDraft_;
    QString styledFor_;
};

}  // namespace starglass::ui
