//! The admin listener of a gateway over its life: opened before the gateway starts, moved where a policy moves it, and ended
//! after everything else.

use super::archive::Archive;
use super::desk::{Desk, InForce};
use super::listener::{Admin, Listening, bind};
use super::rehearse::Rehearsal;
use crate::ir::Program;
use crate::server::{Closed, Control, Server};
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The admin listener of a gateway, if its policy has one.
pub struct Office {
    control: Control,
    policy: Arc<InForce>,
    archive: Arc<dyn Archive>,
    rehearsal: Rehearsal,
    state: Mutex<State>,
}

struct State {
    /// Where the policy in force wants it.
    address: Option<SocketAddr>,
    /// Opened, for when there is a server.
    listening: Option<Listening>,
    desk: Option<Arc<Desk>>,
    admin: Option<Admin>,
    /// Where it was before.
    left: Option<Closed>,
}

/// What another policy makes of the admin listener.
#[derive(Debug)]
#[must_use]
pub enum Move {
    /// It stays where it is.
    Stays,
    /// It goes there.
    To(SocketAddr, Listening),
    /// It ends.
    Ends,
}

impl Office {
    /// Listens where the first policy says. Who connects is answered once the gateway has started. What `succeeds` a gateway
    /// that still runs listens beside it. The policies before it are in the `archive`; requests are tried out by `rehearsal`.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn open(
        (file, program): (&Path, Arc<Program>),
        archive: Arc<dyn Archive>,
        control: Control,
        rehearsal: Rehearsal,
        succeeds: bool,
    ) -> io::Result<Self> {
        let address = address(&program);
        let listening = address.map(|address| bind(address, succeeds)).transpose()?;
        if let Some(listening) = listening.as_ref().filter(|_| !succeeds) {
            listening.listen()?;
        }
        let state = State { address, listening, desk: None, admin: None, left: None };
        Ok(Self { control, policy: Arc::new(InForce::new(file, program)), archive, rehearsal, state: Mutex::new(state) })
    }

    /// Serves, now that there is a server: where.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn started(&self, server: &Arc<Server>) -> io::Result<Option<SocketAddr>> {
        let mut state = self.state.lock();
        let policies = (Arc::clone(&self.policy), Arc::clone(&self.archive));
        state.desk = Some(Arc::new(Desk::new(Arc::clone(server), self.control.clone(), policies, self.rehearsal)));
        let Some(listening) = state.listening.take() else { return Ok(None) };
        state.serve(listening).map(Some)
    }

    /// Opens what another policy needs; nothing has changed yet. The ports that the gateway itself leaves with it (`left`), and the
    /// listener's own, are not taken.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn prepare(&self, program: &Program, left: &[u16]) -> io::Result<Move> {
        let before = self.state.lock().address;
        let own = |port| left.contains(&port) || before.is_some_and(|before| before.port() == port);
        Ok(match address(program) {
            same if same == before => Move::Stays,
            Some(other) => Move::To(other, bind(other, own(other.port()))?),
            None => Move::Ends,
        })
    }

    /// The port that it leaves by that.
    #[must_use]
    pub fn leaves(&self, moved: &Move) -> Option<u16> {
        match moved {
            Move::Stays => None,
            Move::To(..) | Move::Ends => self.state.lock().address.map(|address| address.port()),
        }
    }

    /// Another policy is in force: where the listener is, if it has moved. What is under way where it was is still answered.
    ///
    /// # Errors
    /// When it cannot be served; it stays where it was then.
    pub fn settle(&self, moved: Move, program: Arc<Program>) -> io::Result<Option<SocketAddr>> {
        self.policy.now(program);
        let mut state = self.state.lock();
        match moved {
            Move::Stays => {
                if let (Some(admin), Some(desk)) = (&state.admin, &state.desk) {
                    admin.follow(desk.server.plan().admin_gate.clone());
                }
                Ok(None)
            }
            Move::Ends => {
                state.address = None;
                state.left = state.admin.take().map(Admin::leave);
                Ok(None)
            }
            Move::To(address, listening) => {
                let served = state.serve(listening)?;
                state.address = Some(address);
                Ok(Some(served))
            }
        }
    }

    /// Waits until nobody is let in where it was before it moved.
    pub fn has_left(&self) {
        let left = self.state.lock().left.take();
        left.iter().for_each(Closed::wait);
    }

    /// Ends it, once what is under way is answered.
    pub fn end(&self) {
        let admin = self.state.lock().admin.take();
        if let Some(admin) = admin {
            admin.end();
        }
    }
}

impl State {
    fn serve(&mut self, listening: Listening) -> io::Result<SocketAddr> {
        let desk = self.desk.as_ref().ok_or_else(|| io::Error::other("there is no server to administer"))?;
        let admin = Admin::start(listening, Arc::clone(desk))?;
        let address = admin.address();
        self.left = self.admin.replace(admin).map(Admin::leave);
        Ok(address)
    }
}

/// Where a policy wants it.
fn address(program: &Program) -> Option<SocketAddr> {
    program.gateway.admin.as_ref().map(|admin| admin.address)
}
