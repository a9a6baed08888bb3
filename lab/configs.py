"""The configuration files of the programs of a lab."""

import textwrap

from lab import addresses as a


def upf(run_directory, instance="edge-1", has_edge=True):
    """Without an edge it is a core's own: no apps, and a platform's socket nobody connects to."""
    apps = f"""
          - name: ldn
            role: local-dn
            device: "net_af_packet2,iface=ldn"
            mtu: 1500
            addresses: [{a.LDN_UPF[4]}/24, "{a.LDN_UPF[6]}/64"]
            gateways: []""" if has_edge else ""
    return textwrap.dedent(f"""\
        instance: {instance}
        eal: {{huge_pages: false, memory_mb: 512}}
        workers: {{count: 1, idle_sleep_us: 50}}
        limits: {{sessions: 1024}}
        ports:
          - name: n3
            role: n3
            device: "net_af_packet0,iface=n3"
            mtu: 1600
            addresses: [{a.N3_UPF[4]}/24, "{a.N3_UPF[6]}/64"]
            gateways: []
          - name: n6
            role: n6
            device: "net_af_packet1,iface=n6"
            mtu: 1500
            addresses: [{a.N6_UPF[4]}/24, "{a.N6_UPF[6]}/64"]
            gateways: [{a.N6_ROUTER[4]}, "{a.N6_ROUTER[6]}"]{apps}
        pfcp: {{address: {a.N4_UPF}, port: 8805}}
        mp2: {{socket: {run_directory}/{"mp2" if has_edge else "mp2-of-core"}.sock}}
        metrics: {{address: 127.0.0.1, port: {a.UPF_METRICS_PORT}}}
        log: {{level: info}}
        """)


def inline(run_directory):
    return textwrap.dedent(f"""\
        instance: edge-1
        mode: inline
        eal: {{huge_pages: false, memory_mb: 512}}
        workers: {{count: 1, idle_sleep_us: 50}}
        limits: {{sessions: 1024}}
        inline: {{idle_s: 60}}
        ports:
          - {{name: ran, role: n3-ran, device: "net_af_xdp0,iface=ran", mtu: 1600}}
          - {{name: core, role: n3-core, device: "net_af_xdp1,iface=core", mtu: 1600}}
          - name: ldn
            role: local-dn
            device: "net_af_packet0,iface=ldn"
            addresses: [{a.LDN_UPF[4]}/24, "{a.LDN_UPF[6]}/64"]
        mp2: {{socket: {run_directory}/mp2.sock}}
        control: {{socket: {run_directory}/inline.sock}}
        metrics: {{address: 127.0.0.1, port: {a.UPF_METRICS_PORT}}}
        log: {{level: info}}
        """)


def mep(run_directory):
    return textwrap.dedent(f"""\
        http: {{address: {a.MP1_MEP}, port: {a.MEP_PORT}, threads: 2}}
        state: {run_directory}/mep-state
        mp2: {{socket: {run_directory}/mp2.sock}}
        metrics: {{address: 127.0.0.1, port: {a.MEP_METRICS_PORT}}}
        log: {{level: info}}
        """)


def ran(run_directory, prefix, ues, outer="ipv4"):
    return textwrap.dedent(f"""\
        gnb: {{addresses: [{a.N3_GNB[4]}, "{a.N3_GNB[6]}"]}}
        smf: {{address: {a.N4_SMF}, upf: {a.N4_UPF}}}
        ues:
          count: {ues}
          netns: "{prefix}-ue{{}}"
          pool_v4: {a.UE_POOL[4]}
          pool_v6: "{a.UE_POOL[6]}"
          outer: {outer}
        control: {{socket: {run_directory}/ran.sock}}
        """)
