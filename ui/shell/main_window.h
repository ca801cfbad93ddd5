// SPDX-License-Identifier: GPL-3.0-or-later
//
// The window: menus, transcript, composer, status line, and a dock for the inspector. Holds the
// bridge and the chat; all that happens in it goes through them. UI thread.
#pragma once

#include <QHash>
#include <QMainWindow>
#include <functional>
#include <optional>

#include "bridge/cache_service.h"
#include "bridge/chat.h"
#include "bridge/device_list.h"
#include "bridge/engine_bridge.h"
#include "bridge/expert_service.h"
#include "bridge/plan_service.h"
#include "theme/theme.h"

class QDockWidget;
class QLabel;
class QStackedWidget;

namespace starglass::ui {

class Composer;
class LibraryService;
class Notice;
class PlacementDialog;
struct PlacementChoice;
class SessionController;
class SessionPanel;
class StatusStrip;
class TranscriptView;
class UndoBar;
class Welcome;

struct WindowOptions {
    EngineOpeners openers;
    EngineOptions engine;
    bool memoryGiven = false;  // engine.memory_bytes was asked for; a remembered one waits
    QString library;           // the file of sessions; empty: they are kept in memory
    bool remember = true;      // read and write preferences and geometry; tests do not
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
    [[nodiscard]] ExpertService& experts() { return *experts_; }
    [[nodiscard]] Chat& chat() { return *chat_; }
    [[nodiscard]] TranscriptView& transcript() { return *transcript_; }
    [[nodiscard]] Composer& composer() { return *composer_; }
    [[nodiscard]] StatusStrip& status() { return *status_; }
    [[nodiscard]] Notice& notice() { return *notice_; }
    [[nodiscard]] DeviceList& devices() { return *devices_; }
    [[nodiscard]] PlanService& plans() { return *plans_; }
    // Where the model runs; opens beside the window.
    PlacementDialog& showPlacement();
    [[nodiscard]] LibraryService& library() { return *library_; }
    [[nodiscard]] SessionController& sessions() { return *sessions_; }
    [[nodiscard]] SessionPanel& sidebar() { return *sidebar_; }
    [[nodiscard]] UndoBar& undoBar() { return *undoBar_; }
    // By the name given in the source, e.g. "regenerate". Null for an unknown name.
    [[nodiscard]] QAction* action(const QString& name) const { return actions_.value(name); }

    // The panel on the right. The window owns it.
    void setInspector(QWidget* panel);
    [[nodiscard]] QDockWidget* inspectorDock() const { return dock_; }

signals:
    void zoomChanged(double zoom);
    void cacheWanted();    // the inspector is open; its Cache tab is asked for
    void expertsWanted();  // likewise

protected:
    void closeEvent(QCloseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildMenus();
    void buildCentral();
    void connectEngine();
    // The sessions' half of the window: window_sessions.cpp.
    void buildSessions();
    void addSessionActions(QMenu* menu);
    void addMessageActions(QMenu* menu);
    void connectSessions();
    void updateSessionState();
    void updatePrices();
    void fitSidebar();
    void editTags();
    void exportSession(const QString& name, const QString& ending, bool kv);
    void importSession();
    // The message or session that a command means: the current one where the focus is.
    [[nodiscard]] int targetMessage() const;
    [[nodiscard]] qint64 targetSession() const;
    void startEditing(int index);
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
    void updateExperts();
    void applyStyle();
    void alignComposer();
    // Where the model runs: window_placement.cpp.
    void connectPlacement();
    [[nodiscard]] PlacementChoice placementChoice() const;
    void choosePlacement(const PlacementChoice& choice);
    void updatePlacement();
    void showDeviceError(const UserError& error, bool modelWanted);
    void loadPlacement();
    void savePlacement() const;
    void loadPreferences();
    void savePreferences();

    WindowOptions options_;
    EngineBridge* bridge_;
    Chat* chat_;
    LibraryService* library_ = nullptr;
    SessionController* sessions_ = nullptr;
    SessionPanel* sidebar_ = nullptr;
    QDockWidget* sidebarDock_ = nullptr;
    UndoBar* undoBar_ = nullptr;
    DeviceList* devices_;
    PlanService* plans_;
    PlacementDialog* placement_ = nullptr;  // made when first wanted
    std::optional<QString> opened_;         // the path asked for last; empty: the built-in model
    CacheService* cache_;  // made after the bridge, so that the bridge saves before it goes
    ExpertService* experts_;
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
