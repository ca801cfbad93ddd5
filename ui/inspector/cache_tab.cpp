// SPDX-License-Identifier: GPL-3.0-or-later
#include "inspector/cache_tab.h"

#include <QAction>
#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QEvent>
#include <QFileDialog>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedLayout>

#include "bridge/error_text.h"
#include "inspector/cache_budget.h"
#include "inspector/cache_charts.h"
#include "inspector/cache_tree.h"
#include "inspector/inspector_format.h"
#include "inspector/inspector_parts.h"
#include "inspector/prefix_card.h"
#include "theme/theme.h"

namespace starglass::ui {
namespace {

constexpr int kSharesMost = 6;

}  // namespace

CacheTab::CacheTab(QWidget* parent)
    : QWidget(parent),
      stack_(new QStackedLayout(this)),
      state_(new QWidget),
      stateText_(new QLabel),
      clean_(new QPushButton(tr("Clean up"))),
      notice_(new QuietLabel),
      head_(new SectionHead(tr("Checkpoints"))),
      tree_(new CacheTree),
      details_(new Card),
      promptHead_(new SectionHead(tr("This prompt"))),
      prefix_(new PrefixCard),
      budget_(new CacheBudget),
      sharesHead_(new SectionHead(tr("Disk use by session"))),
      shares_(new DiskShareChart),
      timeHead_(new SectionHead(tr("Disk use over time"))),
      time_(new DiskTimeChart),
      bytesKey_(new SeriesKey),
      protectedKey_(new SeriesKey),
      budgetKey_(new SeriesKey) {
    confirm = [this](const QString& title, const QString& text) {
        QMessageBox box(QMessageBox::Warning, title, text, QMessageBox::Cancel, this);
        QPushButton* yes = box.addButton(tr("Delete"), QMessageBox::AcceptRole);
        box.setDefaultButton(QMessageBox::Cancel);
        box.exec();
        return box.clickedButton() == yes;
    };
    exportPath = [this] {
        return QFileDialog::getSaveFileName(this, tr("Export checkpoint"),
                                            QStringLiteral("checkpoint.sgkv"),
                                            tr("Checkpoints (*.sgkv);;All files (*)"));
    };
    importPath = [this] {
        return QFileDialog::getOpenFileName(this, tr("Import checkpoint"), {},
                                            tr("Checkpoints (*.sgkv);;All files (*)"));
    };

    auto* content = new QWidget;
    auto* rows = new QVBoxLayout(content);
    rows->setContentsMargins(16, 14, 16, 14);
    rows->setSpacing(6);

    auto* state = new QHBoxLayout(state_);
    state->setContentsMargins(0, 0, 0, 4);
    stateText_->setWordWrap(true);
    stateText_->setTextFormat(Qt::PlainText);
    stateText_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    stateText_->setFocusPolicy(Qt::NoFocus);
    clean_->setAccessibleName(clean_->text());
    state->addWidget(stateText_, 1);
    state->addWidget(clean_, 0, Qt::AlignTop);
    rows->addWidget(state_);

    rows->addWidget(head_);
    rows->addWidget(tree_);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(6);
    rows->addLayout(buttons);
    rows->addWidget(details_);
    notice_->setWordWrap(true);
    notice_->setAccessibleName(tr("Outcome"));
    rows->addWidget(notice_);
    rows->addSpacing(8);
    rows->addWidget(promptHead_);
    rows->addWidget(prefix_);
    rows->addSpacing(8);
    rows->addWidget(budget_);
    rows->addSpacing(8);
    rows->addWidget(sharesHead_);
    rows->addWidget(shares_);
    rows->addSpacing(8);
    rows->addWidget(timeHead_);
    rows->addWidget(time_);
    auto* keys = new QHBoxLayout;
    keys->setSpacing(14);
    keys->addWidget(bytesKey_);
    keys->addWidget(protectedKey_);
    keys->addWidget(budgetKey_);
    keys->addStretch();
    rows->addLayout(keys);
    rows->addStretch();

    auto* empty = makeEmptyPane(tr("What the disk remembers"), QString(), this, &emptyText_);
    stack_->addWidget(empty);
    stack_->addWidget(makeScrolling(content));

    buildActions();
    const auto button = [&](const char* name) {
        QAction* what = action(QLatin1String(name));
        auto* out = new QPushButton;
        const auto follow = [out, what] {
            out->setText(QString(what->text()).remove(u'&'));
            out->setAccessibleName(out->text());
            out->setToolTip(what->toolTip());
            out->setEnabled(what->isEnabled());
        };
        connect(what, &QAction::changed, out, follow);
        connect(out, &QPushButton::clicked, what, &QAction::trigger);
        follow();
        buttons->addWidget(out);
    };
    button("pin");
    button("delete");
    auto* more = new QPushButton(tr("More ▾"));
    more->setAccessibleName(tr("More actions for checkpoints"));
    auto* menu = new QMenu(more);
    for (const char* name : {"verify", "copyId", "export"})
        menu->addAction(action(QLatin1String(name)));
    menu->addSeparator();
    for (const char* name : {"verifyAll", "clean", "import"})
        menu->addAction(action(QLatin1String(name)));
    more->setMenu(menu);
    buttons->addStretch();
    buttons->addWidget(more);
    connect(clean_, &QPushButton::clicked, action(QStringLiteral("clean")), &QAction::trigger);

    connect(tree_, &CacheTree::selectedChanged, this, &CacheTab::showDetails);
    connect(budget_, &CacheBudget::budgetChosen, this, [this](qint64 bytes) {
        if (service_) service_->setBudget(bytes);
    });
    connect(time_, &CacheChart::recoloured, this, &CacheTab::recolour);
    promptHead_->hide();
    prefix_->hide();
    notice_->hide();
    state_->hide();
    recolour();
    showDetails();
    showEmpty();
}

// --- what can be done ----------------------------------------------------------------------

QAction* CacheTab::add(const char* name, const QString& text, const char* keys,
                       std::function<void()> what) {
    auto* out = new QAction(text, this);
    out->setObjectName(QLatin1String(name));
    out->setShortcut(QKeySequence(QLatin1String(keys)));
    // Only in the tab: the same keys mean other things beside it.
    out->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(out, &QAction::triggered, this, [this, what = std::move(what)] {
        if (service_) what();
    });
    addAction(out);
    tree_->addAction(out);
    return out;
}

void CacheTab::buildActions() {
    const auto selectedId = [this] {
        const CheckpointInfo* info = tree_->selected();
        return info ? QString::fromStdString(info->id) : QString();
    };
    add("pin", tr("&Pin"), "Ctrl+P", [this] {
        if (const CheckpointInfo* info = tree_->selected())
            service_->pin(QString::fromStdString(info->id), !info->pinned);
    });
    add("delete", tr("&Delete…"), "Del", [this] { removeSelected(); });
    add("verify", tr("&Verify this checkpoint"), "Ctrl+Shift+V", [this, selectedId] {
        if (!selectedId().isEmpty()) service_->verify(selectedId());
    });
    add("copyId", tr("&Copy its id"), "Ctrl+Shift+I", [this, selectedId] {
        QApplication::clipboard()->setText(selectedId());
        say(tr("The id was copied."));
    });
    add("export", tr("&Export…"), "Ctrl+Shift+X", [this, selectedId] {
        const QString id = selectedId();
        const QString path = id.isEmpty() ? QString() : exportPath();
        if (!path.isEmpty()) service_->exportBundle(id, path);
    });
    add("verifyAll", tr("Verify &all files"), "Ctrl+Alt+V", [this] { service_->verify({}); });
    add("clean", tr("C&lean up: what nothing needs, and damaged files"), "Ctrl+Alt+C",
        [this] { service_->collectGarbage(); });
    add("import", tr("&Import…"), "Ctrl+Alt+I", [this] {
        const QString path = importPath();
        if (!path.isEmpty()) service_->importBundle(path);
    });
}

QAction* CacheTab::action(const QString& name) const {
    return findChild<QAction*>(name, Qt::FindDirectChildrenOnly);
}

void CacheTab::removeSelected() {
    const CheckpointInfo* info = tree_->selected();
    if (!info) return;
    const QString id = QString::fromStdString(info->id);
    QString text = tr("%1 tokens, %2 on disk are freed. There is no undo.")
                       .arg(numberText(info->tokens), bytesText(info->freed_bytes));
    if (info->owned) {
        const QString title = titles_ ? titles_(id) : QString();
        text += QStringLiteral("\n\n") +
                (title.isEmpty() ? tr("A saved session resumes here.")
                                 : tr("The session “%1” resumes here.").arg(title)) +
                u' ' +
                (info->evaluate_seconds > 0
                     ? tr("Its text stays; without this checkpoint its tokens are read again, "
                          "which took %1 when it was done.")
                           .arg(durationText(info->evaluate_seconds))
                     : tr("Its text stays; without this checkpoint its tokens are read again."));
    } else if (info->pinned) {
        text += QStringLiteral("\n\n") + tr("It is pinned.");
    }
    if (confirm(tr("Delete this checkpoint?"), text) && service_) service_->remove(id);
}

// --- what there is -------------------------------------------------------------------------

void CacheTab::follow(CacheService& service) {
    service_ = &service;
    connect(&service, &CacheService::viewChanged, this, &CacheTab::showView);
    connect(&service, &CacheService::cacheChanged, this, [this] { showEmpty(); });
    connect(&service, &CacheService::notice, this, [this](const QString& sentence) {
        // What is said above already needs no echo.
        if (!stateText_->text().contains(sentence)) say(sentence);
    });
    connect(&service, &CacheService::busyChanged, this, [this](const QString& what) {
        if (!what.isEmpty()) say(what);
    });
    connect(&service, &CacheService::problem, this, [this](const UserError& error) {
        say(error.sentence());
        notice_->setToolTip(error.details);
    });
    showView(service.view());
}

void CacheTab::setModel(const ModelInfoPtr& model) {
    model_ = model;
    tree_->cacheModel().setModelFingerprint(model ? model->fingerprint : std::string());
    showView(view_);
}

void CacheTab::setSessionTitles(SessionTitles titles) {
    titles_ = std::move(titles);
    tree_->cacheModel().setTitles(titles_);
    showView(view_);
}

void CacheTab::addResult(const GenerateResult& result) {
    answered_ = true;
    prefix_->show(result.reuse, result.timings);
    promptHead_->show();
    prefix_->show();
    showEmpty();
}

void CacheTab::clearConversation() {
    answered_ = false;
    promptHead_->hide();
    prefix_->hide();
    showEmpty();
}

void CacheTab::showView(const CacheView& view) {
    view_ = view;
    const CacheStats& stats = view.stats;
    QString remark = stats.checkpoints == 1 ? tr("1 on disk")
                                            : tr("%1 on disk").arg(numberText(stats.checkpoints));
    remark += QStringLiteral(" · ") + bytesText(stats.bytes);
    if (stats.hits > 0)
        remark +=
            QStringLiteral(" · ") +
            (stats.seconds_saved > 0 ? tr("saved %1").arg(durationText(stats.seconds_saved))
                                     : tr("%1 tokens reused").arg(numberText(stats.tokens_saved)));
    head_->setRemark(remark);
    tree_->show(view);
    budget_->show(view);
    const auto shares =
        diskShares(view, model_ ? model_->fingerprint : std::string(), titles_, kSharesMost - 1);
    shares_->show(shares);
    if (service_) time_->show(service_->samples(), service_->seconds());
    bytesKey_->setText(tr("on disk"));
    protectedKey_->setText(tr("must stay"));
    budgetKey_->setText(time_->budgetShown()
                            ? tr("budget")
                            : tr("budget %1, above the chart").arg(budgetText(stats.budget_bytes)));
    showState();
    showDetails();
    showEmpty();
}

void CacheTab::showState() {
    const CacheStats& stats = view_.stats;
    QStringList lines;
    const QString why = asSentence(stats.pause_reason);
    if (stats.read_only)
        lines << tr("Nothing is saved here: the cache is only read.") + u' ' +
                     (why.isEmpty() ? tr("Another process writes to it.") : why);
    else if (stats.paused)
        lines << tr("Saving is paused, and nothing is lost.") + u' ' + why;
    if (stats.set_aside > 0)
        lines << (stats.set_aside == 1
                      ? tr("1 damaged file is set aside.")
                      : tr("%1 damaged files are set aside.").arg(numberText(stats.set_aside)));
    stateText_->setText(lines.join(u'\n'));
    stateText_->setAccessibleName(stateText_->text());
    state_->setVisible(!lines.isEmpty());
    clean_->setVisible(stats.set_aside > 0 && !stats.read_only);
    budget_->setReadOnly(stats.read_only);
}

void CacheTab::showDetails() {
    const CheckpointInfo* info = tree_->selected();
    const bool writable = service_ && !view_.stats.read_only;
    const auto enable = [this](const char* name, bool on) {
        action(QLatin1String(name))->setEnabled(on);
    };
    enable("pin", info && writable);
    enable("delete", info && writable);
    for (const char* name : {"verify", "copyId", "export"}) enable(name, info != nullptr);
    enable("verifyAll", service_ != nullptr);
    enable("clean", writable);
    enable("import", writable);
    action(QStringLiteral("pin"))->setText(info && info->pinned ? tr("Un&pin") : tr("&Pin"));
    if (!info) {
        details_->setText({}, tr("Select a checkpoint to see where it comes from and what it "
                                 "saves."));
        return;
    }
    QStringList marks{reasonText(info->reason), tr("%1 tokens").arg(numberText(info->tokens))};
    if (info->pinned) marks << tr("pinned");
    if (info->owned) {
        const QString title = titles_ ? titles_(QString::fromStdString(info->id)) : QString();
        marks << (title.isEmpty() ? tr("a session resumes here")
                                  : tr("“%1” resumes here").arg(title));
    }
    const QModelIndex index = tree_->cacheModel().indexOf(QString::fromStdString(info->id));
    const auto spoken = [&](int column) {
        return index.siblingAtColumn(column).data(Qt::AccessibleTextRole).toString();
    };
    QString title = marks.join(QStringLiteral(" · "));
    title[0] = title[0].toUpper();
    details_->setText(title,
                      asSentence(spoken(CacheTreeModel::kSize)) + u' ' +
                          asSentence(spoken(CacheTreeModel::kSaved)),
                      QStringList{spoken(CacheTreeModel::kHits), spoken(CacheTreeModel::kAge),
                                  spoken(CacheTreeModel::kNext),
                                  tr("id %1").arg(QString::fromStdString(info->id).left(12))}
                          .join(QStringLiteral(" · ")));
}

void CacheTab::showEmpty() {
    QString text;
    if (!service_ || (!service_->present() && service_->openError().empty())) {
        text =
            tr("No cache on disk is in use. With one, every conversation's state is kept here: "
               "what begins as an earlier prompt did is loaded instead of read again.");
    } else if (!service_->present()) {
        text = service_->openError().sentence();
    } else if (view_.list.empty()) {
        text =
            tr("Nothing is saved yet. Send a message: a checkpoint is written when the answer "
               "ends, and from then on the next prompt that begins the same way is loaded in "
               "a moment instead of read again. Every checkpoint will be listed here with "
               "its size and the time it saves.");
        if (!view_.stats.directory.empty())
            text += QStringLiteral("\n\n") +
                    tr("Folder: %1").arg(QString::fromStdString(view_.stats.directory));
    }
    emptyText_->setText(text);
    const bool talk = view_.stats.paused || view_.stats.read_only || view_.stats.set_aside > 0;
    const bool content =
        service_ && service_->present() && (!view_.list.empty() || talk || answered_);
    stack_->setCurrentIndex(content ? 1 : 0);
}

void CacheTab::say(const QString& text) {
    notice_->setText(text);
    notice_->setToolTip({});
    notice_->setVisible(!text.isEmpty());
}

void CacheTab::recolour() {
    bytesKey_->setLine(time_->bytesColour(), 2);
    protectedKey_->setLine(time_->protectedColour(), 2);
    budgetKey_->setLine(time_->budgetColour(), 2, Qt::DashLine);
}

void CacheTab::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) recolour();
}

bool CacheTab::emptyShown() const {
    return stack_->currentIndex() == 0;
}

QString CacheTab::emptyText() const {
    return emptyText_->text();
}

QString CacheTab::stateText() const {
    return state_->isHidden() ? QString() : stateText_->text();
}

QString CacheTab::noticeText() const {
    return notice_->isHidden() ? QString() : notice_->text();
}

QString CacheTab::detailText() const {
    return details_->text();
}

}  // namespace starglass::ui
