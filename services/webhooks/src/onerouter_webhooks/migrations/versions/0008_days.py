"""Events, deliveries and attempts are kept in a partition for each day, and dropped by whole days.

Months that hold rows stay as they are until they are old enough; those to come that hold none make room for their days. No
row is moved.
"""

from alembic import op

from onerouter_common.db.engine import worker_role
from onerouter_common.db.migrate import do_not_wait_long

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"
_TABLES = ("events", "deliveries", "delivery_attempts")

# A day is made beside its table and then attached, which keeps nobody from reading and writing; whoever is in the way longer
# than that is not waited for.
_ENSURE = """
CREATE FUNCTION onerouter_ensure_days(parent text, first date, last date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE day date; child text; made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('onerouter.partitions.' || parent, 0));  -- processes take turns
  FOR day IN SELECT generate_series(first, last, interval '1 day')::date LOOP
    child := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(child) IS NOT NULL OR to_regclass(parent || '_' || to_char(day, 'YYYYMM')) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', child);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
    BEGIN
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child,
                     day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
      made := made + 1;
    EXCEPTION WHEN check_violation THEN  -- the default partition has rows of that day: the other days are made all the same
      EXECUTE format('DROP TABLE %I', child);
    END;
  END LOOP;
  RETURN made;
END $$
"""

_DROP = """
CREATE FUNCTION onerouter_drop_days(parent text, before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE child text; ends date; dropped int := 0;
BEGIN
  FOR child IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = to_regclass(parent) AND c.relname ~ '_([0-9]{6}|[0-9]{8})$' ORDER BY 1 LOOP
    ends := CASE WHEN child ~ '_[0-9]{8}$' THEN to_date(right(child, 8), 'YYYYMMDD') + 1
                 ELSE (to_date(right(child, 6), 'YYYYMM') + interval '1 month')::date END;
    IF ends::timestamp AT TIME ZONE 'UTC' <= before THEN
      EXECUTE format('DROP TABLE %I', child);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  RETURN dropped;
END $$
"""

# Forced row-level security hides a partition's rows from its owner: without it there seem to be none.
_FREE_EMPTY_MONTHS = """
DO $$
DECLARE child text; has_rows boolean;
BEGIN
  FOR child IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = '{table}'::regclass AND c.relname ~ '_[0-9]{{6}}$'
                 AND to_date(right(c.relname, 6), 'YYYYMM') > (now() AT TIME ZONE 'UTC')::date LOOP
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', child);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', child) INTO has_rows;
    IF has_rows THEN
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', child);
    ELSE
      EXECUTE format('DROP TABLE %I', child);
    END IF;
  END LOOP;
END $$
"""


def upgrade() -> None:
    do_not_wait_long()
    op.execute(_ENSURE)
    op.execute(_DROP)
    functions = "onerouter_ensure_days(text, date, date), onerouter_drop_days(text, timestamptz)"
    op.execute(f"REVOKE ALL ON FUNCTION {functions} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {functions} TO {worker_role(_SERVICE)}")
    for table in _TABLES:
        op.execute(_FREE_EMPTY_MONTHS.format(table=table))
        op.execute(
            f"SELECT onerouter_ensure_days('{table}', (now() AT TIME ZONE 'UTC')::date, "
            "(now() AT TIME ZONE 'UTC')::date + 7)"
        )
        # What came too late or too early for any partition is forgotten as the rest is.
        op.execute(f"GRANT SELECT, DELETE ON {table}_default TO {worker_role(_SERVICE)}")
        op.execute(
            f"CREATE POLICY worker_sees_all ON {table}_default TO {worker_role(_SERVICE)} USING (true) WITH CHECK (true)"
        )
