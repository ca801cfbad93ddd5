// SPDX-License-Identifier: GPL-3.0-or-later
#include "desktop/screenshots.h"

#include <QAction>
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QPixmap>
#include <QScrollArea>
#include <QScrollBar>
#include <QSlider>
#include <QTimer>
#include <cstdio>
#include <iterator>

#include "builtin/builtin_model.h"
#include "inspector/expert_disk_view.h"
#include "inspector/experts_tab.h"
#include "inspector/inspector_panel.h"
#include "inspector/what_if.h"
#include "library/session_controller.h"
#include "shell/main_window.h"
#include "shell/placement_dialog.h"
#include "transcript/transcript_view.h"

namespace starglass::ui {
namespace {

constexpr int kTimeoutMs = 300'000;
// Enough of the answer to be seen to be one, and not yet all of it.
constexpr int kMiddleBytes = 60;
constexpr int kCacheMs = 1500;
// Predictions only run when nobody else wants to.
constexpr int kPredictMs = 2500;
// Part of the built-in model's experts that may be in memory.
constexpr std::uint64_t kStreamedPart = 2;

const char* const kQuestions[] = {"What is 47 + 38?", "What does the expert heat map show?"};
// One session each, for a list that is not empty.
const char* const kSessions[] = {"What is a token?", "Which layers route by token id?",
                                 "What does the KV cache keep?"};

}  // namespace

ScreenshotRun::ScreenshotRun(MainWindow& window, InspectorPanel& inspector, QString folder)
    : window_(window), inspector_(inspector), folder_(std::move(folder)) {
    window_.resize(1440, 900);
    window_.chat().setSeed(1);                // the same pictures every time
    window_.bridge().setDeliveryInterval(1);  // or the built-in model is done before it is drawn
    QTimer::singleShot(kTimeoutMs, this,
                       [this] { end(QStringLiteral("the model took too long to answer")); });
    connect(&window_.bridge(), &EngineBridge::modelReady, this,
            [this] { QTimer::singleShot(200, this, &ScreenshotRun::next); });
    connect(&window_.bridge(), &EngineBridge::loadFailed, this,
            [this](const UserError& error) { end(error.sentence()); });
    // The last signal of a delivery: every panel has been told by then.
    connect(&window_.chat(), &Chat::stateChanged, this, &ScreenshotRun::onText);
    connect(&window_.chat(), &Chat::replyFinished, this, [this](int index) {
        const ChatMessage& reply = window_.chat().at(index);
        if (!reply.parts.empty() && reply.parts.back().kind == ChatPart::Kind::error)
            return end(reply.parts.back().error.sentence());
        if (wantMiddle_)
            return end(QStringLiteral("the answer was over before its middle could be drawn"));
        // The panels draw at most every so often; give them their turn.
        QTimer::singleShot(400, this, &ScreenshotRun::next);
    });
}

void ScreenshotRun::next() {
    if (streamedStep_ >= 0) return nextStreamed();
    // Per theme: the first page and a first question; a second one, drawn half answered; its end;
    // what the disk remembers of it. In between, a few sessions of their own.
    theme_ = dark_ ? QStringLiteral("dark") : QStringLiteral("light");
    switch (step_++) {
        case 0:
            window_.setTheme(dark_ ? ThemeChoice::dark : ThemeChoice::light);
            inspector_.setCurrentIndex(dark_ ? InspectorPanel::kToken : InspectorPanel::kExperts);
            QApplication::processEvents();
            save(QStringLiteral("window-%1-first-run").arg(theme_));
            savePlacement();
            window_.ask(QLatin1String(kQuestions[0]));
            break;
        case 1:
            wantMiddle_ = true;
            window_.ask(QLatin1String(kQuestions[1]));
            break;
        case 2:
            save(QStringLiteral("window-%1-answered").arg(theme_));
            inspector_.setCurrentIndex(InspectorPanel::kCache);
            // The cache writes on its own thread, and the tab follows it a few times a second.
            QTimer::singleShot(kCacheMs, this, &ScreenshotRun::next);
            break;
        case 3:
            save(QStringLiteral("window-%1-cache").arg(theme_));
            if (dark_) {
                save(QStringLiteral("window-dark-sessions"));
                return openStreamed();
            }
            [[fallthrough]];
        default:
            if (session_ < static_cast<int>(std::size(kSessions))) {
                window_.sessions().newChat();
                window_.ask(QLatin1String(kSessions[session_++]));
                break;
            }
            save(QStringLiteral("window-light-sessions"));
            window_.sessions().newChat();
            dark_ = true;
            step_ = 0;
            QTimer::singleShot(100, this, &ScreenshotRun::next);
    }
}

// The built-in model lies in this program's own memory, so that nothing of it is read: the pictures
// of reading need it as a file, and less memory than its experts.
void ScreenshotRun::openStreamed() {
    const auto bytes = builtin_model();
    QFile file(streamed_.filePath(QStringLiteral("built-in.gguf")));
    const auto size = static_cast<qint64>(bytes.size());
    if (!file.open(QIODevice::WriteOnly) ||
        file.write(reinterpret_cast<const char*>(bytes.data()), size) != size || !file.flush())
        return end(QStringLiteral("cannot write '%1'").arg(file.fileName()));
    EngineOptions options = window_.bridge().options();
    options.backend = BackendKind::cpu;
    options.expert_bytes =
        static_cast<std::int64_t>(window_.bridge().model()->routed_bytes / kStreamedPart);
    window_.bridge().setOptions(options);
    streamedStep_ = 0;
    window_.sessions().newChat();
    window_.openModel(file.fileName());
}

void ScreenshotRun::nextStreamed() {
    ExpertsTab& tab = inspector_.expertsTab();
    switch (streamedStep_++) {
        case 0:
            if (!window_.experts().streaming())
                return end(QStringLiteral("the model was to be read from its file and is not"));
            window_.action(QStringLiteral("inspector"))->setChecked(true);
            inspector_.setCurrentIndex(InspectorPanel::kExperts);
            window_.ask(QLatin1String(kQuestions[1]));
            break;
        case 1:
            QTimer::singleShot(kPredictMs, this, &ScreenshotRun::next);
            break;
        default: {
            tab.map().selectCell({3, 5});
            QSlider& slider = tab.disk().whatIf().slider();
            slider.setValue(slider.value() + 1);
            QScrollBar* bar = tab.findChild<QScrollArea*>()->verticalScrollBar();
            for (const bool dark : {true, false}) {
                window_.setTheme(dark ? ThemeChoice::dark : ThemeChoice::light);
                const QString name =
                    QStringLiteral("experts-%1-%2")
                        .arg(dark ? QStringLiteral("dark") : QStringLiteral("light"));
                const std::pair<ExpertsTab::View, QString> views[] = {
                    {ExpertsTab::use, QStringLiteral("use")},
                    {ExpertsTab::tier, QStringLiteral("tier")},
                    {ExpertsTab::hits, QStringLiteral("hits")}};
                for (const auto& [view, word] : views) {
                    tab.setView(view);
                    inspector_.showNow();
                    window_.grab();
                    QApplication::processEvents();
                    save(name.arg(word));
                }
                bar->setValue(bar->maximum());
                QApplication::processEvents();
                save(name.arg(QStringLiteral("reads")));
                bar->setValue(0);
            }
            end({});
        }
    }
}

void ScreenshotRun::onText() {
    if (!wantMiddle_ || window_.chat().size() == 0) return;
    const ChatMessage& reply = window_.chat().at(window_.chat().size() - 1);
    if (reply.parts.empty() || !reply.running) return;
    if (reply.parts.back().kind != ChatPart::Kind::answer ||
        reply.parts.back().text.size() < kMiddleBytes)
        return;
    wantMiddle_ = false;
    window_.transcript().layoutNow();
    inspector_.showNow();
    // Drawing the map tells the texts around it, and these may want another line.
    window_.grab();
    QCoreApplication::sendPostedEvents(nullptr, QEvent::LayoutRequest);
    save(QStringLiteral("window-%1").arg(theme_));
}

void ScreenshotRun::savePlacement() {
    PlacementDialog& dialog = window_.showPlacement();
    // Devices are listed on a thread of their own; some tens of milliseconds.
    QElapsedTimer waited;
    waited.start();
    while (window_.devices().waiting() && waited.elapsed() < kTimeoutMs / 10)
        QApplication::processEvents(QEventLoop::AllEvents, 50);
    QApplication::processEvents();
    save(QStringLiteral("placement-%1").arg(theme_), &dialog);
    dialog.close();
}

void ScreenshotRun::save(const QString& name, QWidget* of) {
    QDir().mkpath(folder_);
    const QString path = QDir(folder_).filePath(name + QStringLiteral(".png"));
    if (!(of ? of : &window_)->grab().save(path))
        end(QStringLiteral("cannot write '%1'").arg(path));
    else
        std::printf("%s\n", qPrintable(path));
}

void ScreenshotRun::end(const QString& problem) {
    if (!problem.isEmpty()) std::fprintf(stderr, "starglass: %s\n", qPrintable(problem));
    disconnect(&window_.chat(), nullptr, this, nullptr);
    QApplication::exit(problem.isEmpty() ? 0 : 1);
}

}  // namespace starglass::ui
