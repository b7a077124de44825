/** Protocols as nfdump prints them: short names, in the order of their numbers. */

const NAMES =
  `0 ICMP IGMP GGP IPIP ST TCP CBT EGP IGP BBN NVPII PUP ARGUS ENCOM XNET CHAOS UDP MUX DCN HMP
  PRM XNS Trnk1 Trnk2 Leaf1 Leaf2 RDP IRTP ISO-4 NETBK MFESP MEINP DCCP 3PC IDPR XTP DDP IDPR TP++ IL
  IPv6 SDRP Rte6 Frag6 IDRP RSVP GRE MHRP BNA ESP AH INLSP SWIPE NARP MOBIL TLSP SKIP ICMP6 NOHE6 OPTS6
  HOST CFTP NET SATNT KLAN RVD IPPC FS SATM VISA IPCV CPNX CPHB WSN PVP BSATM SUNND WBMON WBEXP ISOIP
  VMTP SVMTP VINES TTP NSIGP DGP TCF EIGRP OSPF S-RPC LARP MTP AX.25 OS MICP SCCSP ETHIP ENCAP 99 GMTP
  IFMP PNNI PIM ARIS SCPS QNX A/N IPcmp SNP CpqPP IPXIP VRRP PGM 0hop L2TP DDX IATP STP SRP UTI SMP SM
  PTP ISIS4 FIRE CRTP CRUDP 128 IPLT SPS PIPE SCTP FC 134 MHEAD UDP-L MPLS`.split(/\s+/)

const NUMBERS = new Map(NAMES.map((name, number) => [name, number]))

/** From a name or a number; null: neither. */
export function protocolNumber(text: string): number | null {
  const known = NUMBERS.get(text)
  if (known !== undefined) return known
  return /^\d{1,3}$/.test(text) && Number(text) < 256 ? Number(text) : null
}

export function protocolName(number: number): string {
  return NAMES[number] ?? String(number)
}
