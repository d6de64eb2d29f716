//! The agent: one loop between the hub's socket, the hosts on this machine, clocks and signals. It
//! keeps nothing that matters: what it forgets, the hub or a host says again.

mod attachment;
mod dial;
mod down;
mod fleet;
mod leave;
mod outbox;
mod pulse;
mod recent;
pub mod status;
mod up;

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use futures::future::LocalBoxFuture;
use schema::tunnel::{CloseCode, FromRunner, Hello, VERSION};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite;

use self::attachment::Up;
pub use self::dial::now;
use self::dial::{Dial, Dialled};
pub use self::fleet::end_hosts;
use self::fleet::{Fleet, UPS_MAX};
use self::leave::Leaving;
pub use self::leave::{Outcome, Signal};
use self::outbox::Outbox;
use self::pulse::Pulse;
use self::recent::Recent;
use self::status::{Connection, Control};
use crate::backoff::Backoff;
use crate::codex::Facts;
use crate::config::Settings;
use crate::credential::Credential;
use crate::edge::Edge;
use crate::link::Change;
use crate::tunnel::{self, Ears, Failure, Heard, Mouth, Said};

/// After the hello the hub says welcome within this time.
const WELCOME: Duration = Duration::from_secs(10);
/// A dial that is this old when the network changes was made on another network.
const DIAL_STALE: Duration = Duration::from_secs(1);

/// What reaches the agent beside the hub and the hosts.
pub struct Inputs {
    /// From whoever started it.
    pub signals: mpsc::Receiver<Signal>,
    /// From the same machine.
    pub controls: mpsc::Receiver<Control>,
    /// From the network.
    pub changes: mpsc::Receiver<Change>,
}

/// The agent's state. It is all here, and all of it is touched by one task.
pub struct Agent {
    settings: Settings,
    credential: Rc<Credential>,
    edge: Rc<Edge>,
    boot: String,
    facts: Option<Facts>,
    clock_ahead_ms: i64,
    fleet: Fleet,
    ups: mpsc::Receiver<Up>,
    outbox: Outbox,
    recent: Recent,
    backoff: Backoff,
    /// The next dial, while none is under way and no tunnel is there.
    dial_at: Instant,
    dialling: Option<(Instant, LocalBoxFuture<'static, Dialled>)>,
    ears: Option<Ears>,
    mouth: Option<Mouth>,
    saying: Option<LocalBoxFuture<'static, Result<Mouth, tungstenite::Error>>>,
    /// While the hub has not said welcome yet.
    welcome_by: Option<Instant>,
    pulse: Option<Pulse>,
    idle_ping_due: bool,
    generation: u64,
    tunnels: u64,
    frames_up: u64,
    frames_down: u64,
    /// When a host last said something.
    last_up: Instant,
    reason: String,
    since: Instant,
    connected: watch::Sender<bool>,
    /// Said here, by the hub, by the end that is near: any of them keeps new work away.
    drained_here: bool,
    drained_by_hub: bool,
    leaving: Option<Leaving>,
    outcome: Option<Outcome>,
}

impl Agent {
    /// An agent that has not dialled yet, but knows which hosts there are.
    pub fn new(settings: Settings, credential: Credential) -> Result<Self> {
        let edge = Edge::new(&credential.url, settings.ca_file.as_deref())?;
        let (up, ups) = mpsc::channel(UPS_MAX);
        let fleet = Fleet::discover(&settings, &credential.url, up)?;
        fleet.check_provider(settings.provider)?;
        let now = Instant::now();
        Ok(Self {
            fleet,
            ups,
            settings,
            credential: Rc::new(credential),
            edge: Rc::new(edge),
            boot: dial::boot()?,
            facts: None,
            clock_ahead_ms: 0,
            outbox: Outbox::default(),
            recent: Recent::default(),
            backoff: Backoff::default(),
            dial_at: now,
            dialling: None,
            ears: None,
            mouth: None,
            saying: None,
            welcome_by: None,
            pulse: None,
            idle_ping_due: false,
            generation: 0,
            tunnels: 0,
            frames_up: 0,
            frames_down: 0,
            last_up: now,
            reason: String::new(),
            since: now,
            connected: watch::Sender::new(false),
            drained_here: false,
            drained_by_hub: false,
            leaving: None,
            outcome: None,
        })
    }

    /// Whether there is a tunnel, for whoever looks at the network more often while there is none.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    /// Until there is a reason to end.
    pub async fn run(mut self, mut inputs: Inputs) -> Outcome {
        self.fleet.attach_living();
        loop {
            self.proceed();
            if let Some(outcome) = self.outcome.take() {
                return self.goodbye(outcome).await;
            }
            let wake = self.wake_at();
            tokio::select! {
                heard = hear(&mut self.ears) => self.heard(heard),
                said = either(&mut self.saying) => self.said(said),
                Some(up) = self.ups.recv() => self.host_said(up),
                dialled = dialled(&mut self.dialling) => self.dialled(dialled),
                Some(change) = inputs.changes.recv() => self.network_changed(change),
                Some(signal) = inputs.signals.recv() => self.signalled(signal),
                Some(control) = inputs.controls.recv() => self.controlled(control),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// When something is due that nobody else will say.
    fn wake_at(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        let dial = (self.dialling.is_none() && self.ears.is_none()).then_some(self.dial_at);
        let pulse = self.pulse.as_ref().map(|pulse| pulse.ask_at.min(pulse.dead_at));
        let leaving = self.leaving.as_ref().map(|leaving| leaving.next(Instant::now()));
        let quiet = self.leaving.as_ref().filter(|leaving| leaving.stopping());
        let quiet = quiet.map(|_| self.quiet_at()).filter(|at| *at > Instant::now());
        let all = [dial, pulse, leaving, quiet, self.welcome_by, self.fleet.again_at()];
        all.into_iter().flatten().min().unwrap_or(far)
    }

    /// Does what is due, and says what waits.
    fn proceed(&mut self) {
        let now = Instant::now();
        if self.welcome_by.is_some_and(|by| by <= now) {
            self.lost("the hub did not say welcome", REFUSED);
        }
        if self.pulse.as_ref().is_some_and(|pulse| pulse.dead_at <= now) {
            self.lost("the hub went silent: dialling anew", None);
        }
        if self.pulse.as_ref().is_some_and(|pulse| pulse.ask_at <= now) {
            self.ping(now);
        }
        if self.fleet.again_at().is_some_and(|at| at <= now) {
            self.fleet.look_again(now);
        }
        self.proceed_leaving(now);
        if self.dialling.is_none() && self.ears.is_none() && self.dial_at <= now {
            self.dial(now);
        }
        self.speak();
    }

    fn dial(&mut self, now: Instant) {
        let dial = Dial {
            edge: self.edge.clone(),
            credential: self.credential.clone(),
            state: self.settings.state.clone(),
            clock_ahead_ms: self.clock_ahead_ms,
            codex: self.settings.codex.clone(),
            cache: self.settings.cache(),
        };
        self.dialling = Some((now, Box::pin(dial.run())));
    }

    fn dialled(&mut self, dialled: Dialled) {
        self.dialling = None;
        self.clock_ahead_ms = dialled.clock_ahead_ms;
        self.facts =
            dialled.codex.inspect_err(|error| tracing::warn!("no codex to host: {error:#}")).ok();
        match dialled.opened {
            Ok((generation, mouth, ears)) => {
                (self.ears, self.mouth) = (Some(ears), Some(mouth));
                self.generation = generation;
                self.outbox.clear();
                self.welcome_by = Some(Instant::now() + WELCOME);
                self.say_own(&FromRunner::Hello(self.hello()));
            }
            Err(Failure::Refused(refused)) if refused.is_final() => {
                self.outcome = Some(Outcome::Revoked(refused.words));
            }
            Err(Failure::Refused(refused)) => {
                self.backoff.refused();
                self.wait(&refused.words, refused.retry_after);
            }
            Err(Failure::Unreached(error)) => {
                self.backoff.unreached();
                self.wait(&format!("{error:#}"), None);
            }
        }
    }

    fn hello(&self) -> Hello {
        let facts = self.facts.as_ref();
        Hello {
            version: VERSION,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            generation: self.generation,
            boot: self.boot.clone(),
            codex: facts.map(|facts| facts.version.clone()).unwrap_or_default(),
            schema: facts.map(|facts| facts.schema.clone()).unwrap_or_default(),
            provider: self.settings.provider,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            draining: self.drained_here || self.leaving.is_some(),
            processes: self.fleet.hosted.values().map(|it| it.process.clone()).collect(),
        }
    }

    /// Nothing to do but to wait.
    fn wait(&mut self, reason: &str, asked: Option<Duration>) {
        let delay = self.backoff.delay(dial::dice(), asked);
        let failures = self.backoff.failures();
        tracing::warn!(reason, failures, delay_ms = delay.as_millis(), "no tunnel");
        reason.clone_into(&mut self.reason);
        self.dial_at = Instant::now() + delay;
    }

    /// The tunnel is gone. How much is waited depends on how long it was there; not at all, where
    /// nobody closed it.
    fn lost(&mut self, reason: &str, blame: Option<&dyn Fn(&mut Backoff)>) {
        let was_up = self.pulse.is_some();
        (self.ears, self.mouth, self.saying) = (None, None, None);
        (self.pulse, self.welcome_by, self.idle_ping_due) = (None, None, false);
        self.outbox.clear();
        self.fleet.forget_open();
        let held = if was_up { self.since.elapsed() } else { Duration::ZERO };
        self.since = Instant::now();
        self.connected.send_replace(false);
        self.backoff.held(held);
        match blame {
            Some(blame) => {
                blame(&mut self.backoff);
                self.wait(reason, None);
            }
            None => {
                tracing::warn!(reason, "the tunnel ended");
                reason.clone_into(&mut self.reason);
                self.dial_at = self.since;
            }
        }
    }

    fn heard(&mut self, heard: Heard) {
        let now = Instant::now();
        match heard {
            Heard::Frames(frames) => {
                if let Some(pulse) = &mut self.pulse {
                    pulse.heard(now);
                }
                if let Err(error) = self.hub_said(&frames) {
                    self.lost(&format!("the hub sent what is no frame: {error}"), REFUSED);
                }
            }
            Heard::Pong => {
                if let Some(pulse) = &mut self.pulse {
                    pulse.answered(now, None);
                }
            }
            Heard::Noise => {}
            Heard::Closed(code, reason) => self.closed(code, reason),
        }
    }

    fn closed(&mut self, code: Option<u16>, reason: String) {
        match code.and_then(CloseCode::of) {
            Some(CloseCode::Replaced) => self.outcome = Some(Outcome::Replaced(reason)),
            Some(CloseCode::Revoked) => self.outcome = Some(Outcome::Revoked(reason)),
            Some(CloseCode::TooOld) => self.outcome = Some(Outcome::TooOld(reason)),
            Some(CloseCode::BadFrame | CloseCode::Unavailable) => {
                self.lost(&format!("the hub closed: {reason}"), REFUSED);
            }
            None => self.lost(&format!("the socket ended: {reason}"), UNREACHED),
        }
    }

    fn said(&mut self, said: Result<Mouth, tungstenite::Error>) {
        self.saying = None;
        match said {
            Ok(mouth) => self.mouth = Some(mouth),
            // Why it ended stands in what is still to be heard, if the hub said it.
            Err(error) => tracing::debug!(%error, "the socket takes nothing more"),
        }
    }

    /// Says the next thing, if the mouth is free.
    fn speak(&mut self) {
        let waits = self.idle_ping_due || !self.outbox.is_empty();
        let Some(mouth) = (if waits { self.mouth.take() } else { None }) else { return };
        let said = match self.outbox.batch() {
            Some(frames) => Said::Frames(frames),
            None => {
                self.idle_ping_due = false;
                Said::Ping
            }
        };
        self.saying = Some(Box::pin(tunnel::say(mouth, said)));
    }

    fn ping(&mut self, now: Instant) {
        let busy = self.fleet.is_busy();
        let Some(pulse) = &mut self.pulse else { return };
        let n = pulse.ask(now);
        match busy {
            true => self.say_own(&FromRunner::Ping { n }),
            false => self.idle_ping_due = true,
        }
    }

    /// Whatever there was may be dead, and whatever was hopeless may work.
    fn network_changed(&mut self, change: Change) {
        tracing::info!(?change, "the network changed");
        let now = Instant::now();
        if let Some(pulse) = &mut self.pulse {
            pulse.probe(now, change != Change::Down);
        }
        self.backoff.network_changed();
        let stale = self.dialling.as_ref().is_some_and(|(since, _)| now - *since > DIAL_STALE);
        if self.ears.is_none() && change != Change::Down && (stale || self.dialling.is_none()) {
            self.dialling = None;
            self.dial_at = now;
        }
    }

    /// What people see of the connection.
    fn connection(&self) -> Connection {
        match (&self.pulse, &self.dialling, &self.ears) {
            (Some(_), _, _) => Connection::Connected,
            (None, None, None) => Connection::Waiting,
            (None, _, _) => Connection::Dialling,
        }
    }
}

/// Whom to blame for a tunnel that ended: see [`Backoff`].
const REFUSED: Option<&dyn Fn(&mut Backoff)> = Some(&Backoff::refused);
const UNREACHED: Option<&dyn Fn(&mut Backoff)> = Some(&Backoff::unreached);

async fn hear(ears: &mut Option<Ears>) -> Heard {
    match ears {
        Some(ears) => tunnel::hear(ears).await,
        None => std::future::pending().await,
    }
}

async fn either<T>(future: &mut Option<LocalBoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn dialled(dialling: &mut Option<(Instant, LocalBoxFuture<'static, Dialled>)>) -> Dialled {
    match dialling {
        Some((_, future)) => future.await,
        None => std::future::pending().await,
    }
}
