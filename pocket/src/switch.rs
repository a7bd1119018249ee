//! The switch, as the package's `Switch` drives it. All that can wait is done
//! detached: calls run their scripts during that time.

use std::path::PathBuf;

use pocket_core::{CallOptions, Driver, First, OpenError, Options, Table};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::call::Call;
use crate::control::PyControl;
use crate::convert::{
    Interrupt, Pairs, micros, pairs_to_python, pairs_to_switch, seconds, to_python, to_switch,
};
use crate::fake;
use crate::far_end::FarEnd;

/// mod_rust, as its library would show it to a loader.
static MOD_RUST: Table = mod_rust::MODULE;

/// A log line: time, level, file, line, function, UUID, text.
type Line<'py> = (
    f64,
    &'static str,
    Bound<'py, PyString>,
    i32,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
);

fn failed(error: &OpenError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// An open switch.
#[pyclass(frozen, module = "pocket._pocket")]
pub(crate) struct Switch {
    driver: Driver,
}

#[pymethods]
impl Switch {
    #[new]
    #[pyo3(signature = (*, base, scripts, conf, sounds, missing_sounds, config, dialplan, variables, real_time, modules))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keywords of the package's own call"
    )]
    fn open(
        py: Python<'_>,
        base: PathBuf,
        scripts: PathBuf,
        conf: Option<PathBuf>,
        sounds: Option<PathBuf>,
        missing_sounds: Option<f64>,
        config: Vec<Bound<'_, PyString>>,
        dialplan: &Bound<'_, PyString>,
        variables: Pairs<'_>,
        real_time: bool,
        modules: Vec<String>,
    ) -> PyResult<Self> {
        let options = Options {
            base,
            scripts,
            conf,
            sounds,
            missing_sounds: missing_sounds.map(micros),
            config: config
                .iter()
                .map(|text| to_switch("config", text))
                .collect::<PyResult<_>>()?,
            dialplan: to_switch("dialplan", dialplan)?,
            variables: pairs_to_switch("variables", &variables)?,
            real_time,
            offered: vec![("mod_rust", &MOD_RUST)],
            load: modules,
        };
        let driver = py
            .detach(|| Driver::open(options))
            .map_err(|error| failed(&error))?;
        Ok(Self { driver })
    }

    /// Ends the switch; how many of its threads were left behind.
    fn close(&self, py: Python<'_>) -> usize {
        py.detach(|| self.driver.close())
    }

    /// From now on time stands still while a script works, however long that takes.
    fn stand_still(&self) {
        self.driver.stand_still();
    }

    #[getter]
    fn time(&self) -> f64 {
        seconds(self.driver.now())
    }

    fn api<'py>(
        &self,
        py: Python<'py>,
        line: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyString>> {
        let line = to_switch("line", line)?;
        let mut interrupt = Interrupt::new();
        let reply = py.detach(|| self.driver.api(line.as_ref(), &mut || interrupt.came()));
        interrupt.into_result()?;
        let reply = reply.map_err(|error| failed(&error))?;
        to_python(py, &reply.unwrap_or_default())
    }

    fn sleep(&self, py: Python<'_>, duration: f64) -> PyResult<()> {
        let mut interrupt = Interrupt::new();
        py.detach(|| {
            self.driver
                .sleep(micros(duration), &mut || interrupt.came())
        });
        interrupt.into_result()
    }

    #[pyo3(signature = (*, extension, application, context, caller_id_name, caller_id_number, variables, far_end))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keywords of the package's own call"
    )]
    fn start_call(
        &self,
        py: Python<'_>,
        extension: &Bound<'_, PyString>,
        application: Option<(Bound<'_, PyString>, Bound<'_, PyString>)>,
        context: &Bound<'_, PyString>,
        caller_id_name: &Bound<'_, PyString>,
        caller_id_number: &Bound<'_, PyString>,
        variables: Pairs<'_>,
        far_end: FarEnd<'_>,
    ) -> PyResult<Call> {
        let first = match application {
            Some((name, data)) => {
                First::Application(to_switch("application", &name)?, to_switch("data", &data)?)
            }
            None => First::Extension(to_switch("extension", extension)?),
        };
        let destination = Some(to_switch("destination", extension)?);
        let options = CallOptions {
            first,
            destination,
            context: to_switch("context", context)?,
            caller_id_name: to_switch("caller_id_name", caller_id_name)?,
            caller_id_number: to_switch("caller_id_number", caller_id_number)?,
            variables: pairs_to_switch("variables", &variables)?,
            script: far_end.script()?,
        };
        let call = py.detach(|| self.driver.start_call(options));
        call.map(|inner| Call { inner })
            .ok_or_else(|| PyRuntimeError::new_err("the switch takes no calls: it is closed"))
    }

    /// Whether the call is over at that time of the clock.
    fn wait(&self, py: Python<'_>, call: &Call, deadline: f64) -> PyResult<bool> {
        let mut interrupt = Interrupt::new();
        let over = py.detach(|| {
            self.driver
                .wait_for(&call.inner, micros(deadline), &mut || interrupt.came())
        });
        interrupt.into_result()?;
        Ok(over)
    }

    /// Lines since they were last asked for.
    fn log<'py>(&self, py: Python<'py>) -> PyResult<Vec<Line<'py>>> {
        let lines = py.detach(|| self.driver.log());
        lines
            .iter()
            .map(|line| {
                Ok((
                    seconds(line.time),
                    line.level_name(),
                    to_python(py, &line.file)?,
                    line.line,
                    to_python(py, &line.function)?,
                    to_python(py, &line.uuid)?,
                    to_python(py, &line.text)?,
                ))
            })
            .collect()
    }

    fn channels(&self, py: Python<'_>) -> Vec<Call> {
        py.detach(|| self.driver.calls())
            .into_iter()
            .map(|inner| Call { inner })
            .collect()
    }

    /// All legs that there were, the newest 250.
    fn legs(&self, py: Python<'_>) -> Vec<Call> {
        py.detach(|| self.driver.legs())
            .into_iter()
            .map(|inner| Call { inner })
            .collect()
    }

    /// Calls to the address reach this far end.
    fn phone(
        &self,
        py: Python<'_>,
        address: &Bound<'_, PyString>,
        far_end: FarEnd<'_>,
    ) -> PyResult<()> {
        let (address, script) = (to_switch("address", address)?, far_end.script()?);
        py.detach(|| self.driver.phone(address.as_ref(), script));
        Ok(())
    }

    /// Global variables.
    fn globals<'py>(&self, py: Python<'py>) -> PyResult<Pairs<'py>> {
        let variables = py.detach(|| self.driver.variables());
        pairs_to_python(py, &variables)
    }

    fn global_variable<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'_, PyString>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let name = to_switch("name", name)?;
        let value = py.detach(|| self.driver.variable(name.as_ref()));
        value.map(|value| to_python(py, &value)).transpose()
    }

    /// Sets one, or with no text removes it.
    fn set_global(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyString>,
    ) -> PyResult<()> {
        let (name, value) = (to_switch("name", name)?, to_switch("value", value)?);
        py.detach(|| self.driver.set_variable(name.as_ref(), value.as_ref()));
        Ok(())
    }

    fn fake_api(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyString>,
        function: Py<PyAny>,
    ) -> PyResult<()> {
        let name = to_switch("name", name)?;
        py.detach(|| self.driver.fake_api(name.as_ref(), fake::api(function)));
        Ok(())
    }

    fn fake_application(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyString>,
        function: Py<PyAny>,
    ) -> PyResult<()> {
        let name = to_switch("name", name)?;
        py.detach(|| {
            self.driver
                .fake_application(name.as_ref(), fake::application(function));
        });
        Ok(())
    }

    /// A server's hold on the switch; `limit` events and log lines wait for it.
    fn control(&self, py: Python<'_>, limit: usize) -> PyResult<PyControl> {
        py.detach(|| self.driver.control(limit))?
            .map(PyControl)
            .ok_or_else(|| PyRuntimeError::new_err("the switch is served already"))
    }

    /// Chat messages that were sent: their headers, `_body` for the body.
    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Vec<Pairs<'py>>> {
        py.detach(|| self.driver.messages())
            .iter()
            .map(|message| pairs_to_python(py, &message.headers))
            .collect()
    }

    /// Letters that were sent: to, from, headers, body, file.
    fn letters<'py>(&self, py: Python<'py>) -> PyResult<Vec<[Bound<'py, PyString>; 5]>> {
        py.detach(|| self.driver.letters())
            .iter()
            .map(|letter| {
                Ok([
                    to_python(py, &letter.to)?,
                    to_python(py, &letter.from)?,
                    to_python(py, &letter.headers)?,
                    to_python(py, &letter.body)?,
                    to_python(py, &letter.file)?,
                ])
            })
            .collect()
    }

    fn subscribe(
        &self,
        py: Python<'_>,
        kinds: Vec<Bound<'_, PyString>>,
        limit: usize,
    ) -> PyResult<()> {
        let kinds: PyResult<Vec<_>> = kinds.iter().map(|kind| to_switch("kinds", kind)).collect();
        let kinds = kinds?;
        py.detach(|| self.driver.subscribe(&kinds, limit))
            .map_err(|unknown| PyValueError::new_err(format!("no event is called {unknown}")))
    }

    /// Events since they were last asked for.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Vec<Pairs<'py>>> {
        let events = py.detach(|| self.driver.events());
        events
            .map(|seen| pairs_to_python(py, &seen.headers))
            .collect()
    }
}
